// Writes the TypeScript SDK of a package into a folder, as Pulumi's host for Node does for `pulumi package add`: no
// package index has that host, but the generator in it is a part of the CLI's module.
//
// The package's schema is standard input, the folder the only argument.
package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

func main() {
	log.SetFlags(0)
	var spec schema.PackageSpec
	if err := json.NewDecoder(os.Stdin).Decode(&spec); err != nil {
		log.Fatal(err)
	}
	bound, err := schema.ImportSpec(spec, nil, schema.NewNullLoader(), schema.ValidationOptions{})
	if err != nil {
		log.Fatal(err)
	}
	files, err := nodejs.GeneratePackage("pulumi-language-nodejs", bound, nil, nil, true, nil)
	if err != nil {
		log.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(os.Args[1], name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
