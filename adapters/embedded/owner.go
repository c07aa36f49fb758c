package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// serverUser runs the server when we are root. It must be in the password file: initdb looks its name up.
const serverUser = "nobody"

// owner is the user that the server runs as and that owns its directory; the zero value is ourselves.
type owner struct {
	uid, gid uint32
	switched bool
	// enter says that the way to the data leads through directories closed to that user, such as root's home, so
	// that the server needs leave to pass them.
	enter bool
}

// chooseOwner returns ourselves, or the unprivileged user when we are root.
func chooseOwner(data string) (*owner, error) {
	if os.Geteuid() != 0 {
		return &owner{}, nil
	}
	u, err := user.Lookup(serverUser)
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root and user %q is unknown: %w", serverUser, err)
	}
	uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(errUID, errGID); err != nil {
		return nil, fmt.Errorf("user %q: %w", serverUser, err)
	}
	return &owner{uid: uint32(uid), gid: uint32(gid), switched: true, enter: !openToAll(data)}, nil
}

// openToAll reports whether every directory above the path that exists lets everybody pass.
func openToAll(path string) bool {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

// makeDir creates a directory for the server alone.
func (o *owner) makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create directory: %w", err)
	}
	return o.give(dir)
}

// writeFile creates a file for the server alone.
func (o *owner) writeFile(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return o.give(path)
}

func (o *owner) give(path string) error {
	if !o.switched {
		return nil
	}
	if err := os.Chown(path, int(o.uid), int(o.gid)); err != nil {
		return fmt.Errorf("give %s to user %q: %w", filepath.Base(path), serverUser, err)
	}
	return nil
}

// command runs a program as the owner. The programs must lie where that user may go: leave to pass is in force only
// once a program runs, and even then not for the way PostgreSQL looks its own programs up.
func (o *owner) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"} // no PG variables of ours
	cmd.Dir = "/"
	cmd.SysProcAttr = o.attributes()
	return cmd
}

// attributes are fresh process attributes that switch to the owner.
func (o *owner) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{}
	if o.switched {
		attr.Credential = &syscall.Credential{Uid: o.uid, Gid: o.gid}
	}
	if o.enter {
		enterAnyDirectory(attr)
	}
	return attr
}
