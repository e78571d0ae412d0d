package main

// pause is a hint to the CPU that a loop in Go waits: the other hyper-thread gets the core, and leaving
// the loop does not cost a mispredicted load order (Intel 64 optimization manual, 2.6.4; Arm ARM, C6.2.
// YIELD). The loop itself is not in assembly, which cannot be preempted.
func pause(instruction string) file {
	f := newFn("pause", "Tells the CPU that the caller waits in a loop.", "")
	f.params = nil
	f.op("%s", instruction)
	f.op("RET")
	return file{op: "pause", about: "The hint of a waiting loop.", funcs: []*fn{f}}
}

// hints are what does not depend on a set.
func hints() []isa {
	return []isa{
		{name: "any", goarch: "amd64", files: []file{pause("PAUSE")}},
		{name: "any", goarch: "arm64", files: []file{pause("YIELD")}},
	}
}
