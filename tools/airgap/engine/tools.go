//go:build tools

// Package engine pins the module that holds the Pulumi CLI.
package engine

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
