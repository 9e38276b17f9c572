//go:build tools

// Package language pins the module that holds the Python language host.
package language

import _ "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
