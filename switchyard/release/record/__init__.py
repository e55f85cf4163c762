"""The record of releases: its contents, its history in the cluster, and the Lease that one command at a time holds."""
