package e2e

import (
	"regexp"
	"testing"
)

// What sanitizers say of a program that goes on, or ended.
var broken = regexp.MustCompile(`(?m)^.*(ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer).*$`)

// After everything: no program of ours ended by itself, none said that it is broken.
func TestEnd(t *testing.T) {
	for _, crash := range node.Crashes() {
		t.Error(crash)
	}
	for _, line := range broken.FindAllString(node.Log(home, "*", "*"), 20) {
		t.Error(line)
	}
}
