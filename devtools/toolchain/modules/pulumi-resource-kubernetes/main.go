// The Kubernetes provider. Its own main package embeds a file that is generated and not part of the module, so
// this one embeds the schema and the mapping, which are: the installer copies both here before it builds.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

// Version is set by the linker.
var Version string

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var mapping []byte

func main() {
	provider.Serve("kubernetes", Version, schema, mapping)
}
