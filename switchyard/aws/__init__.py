"""Pure renderers of IAM, bucket policies, security-group rules and tags; the ELBv2 client."""
