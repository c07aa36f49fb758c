package embedded

import "syscall"

// stopWithParent makes the kernel ask the server for a fast shutdown when the thread that started it ends, which it
// does when the process is killed.
func stopWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGINT }

// capDacOverride passes directories that only root may enter.
const capDacOverride = 1

func enterAnyDirectory(attr *syscall.SysProcAttr) { attr.AmbientCaps = []uintptr{capDacOverride} }

func commandLineNames(int, string) bool { return false }

const parentDeathUnknown = false
