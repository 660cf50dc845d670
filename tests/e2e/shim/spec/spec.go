// Package spec is what the test kubelet tells the shim about a container.
package spec

// Mount is one bind mount below the container's root.
type Mount struct {
	Source, Target string
	ReadOnly       bool
	Recursive      bool // the mounts below it are read-only, too
}

// Container is how the shim becomes a container's process. Zero values change nothing.
type Container struct {
	Network      string   // path of a network namespace
	Root         string   // empty folder that the container's root is built on; "": the host's root
	ReadOnlyRoot bool     //
	Files        []string // of the host, shown in the root read-only: /usr, /lib, ...
	Mounts       []Mount  //
	Processes    []string // cgroup.procs files to enter
	UID, GID     int      //
	Groups       []int    //
	Capabilities []string // exactly these, by their names without CAP_; nil: all
	NoNewPrivs   bool     //
	Arguments    []string //
	Environment  []string //
	Folder       string   // working directory
}
