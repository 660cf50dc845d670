//go:build tools

// Package tools names the programs that tests/prometheus/build builds, so that go.mod pins them.
package tools

import (
	_ "github.com/prometheus/prometheus/cmd/prometheus"
	_ "github.com/prometheus/prometheus/cmd/promtool"
)
