package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/mod/sumdb/note"

	"goniec/eventstore/audit"
)

// Names in the data directory of `up`.
const (
	AuditKeyName    = "audit_key"
	PublicKeySuffix = ".pub"
	CheckpointsName = "checkpoints"
)

// WriteAuditKey makes a key pair: the private key in path, for its owner alone,
// the public one in path.pub. It overwrites nothing.
func WriteAuditKey(path, name string) (public string, err error) {
	private, public, err := audit.NewKey(name)
	if err != nil {
		return "", err
	}
	if err := writeNew(path, private+"\n", 0o600); err != nil {
		return "", err
	}
	if err := writeNew(path+PublicKeySuffix, public+"\n", 0o644); err != nil {
		_ = os.Remove(path) // it is of no use alone
		return "", err
	}
	return public, nil
}

func writeNew(path, text string, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already", path)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// EnsureAuditKey makes the key pair unless it is there.
func EnsureAuditKey(path, name string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, err := WriteAuditKey(path, name)
	return err
}

// ReadAuditKey reads a private key and the public one that lies beside it.
func ReadAuditKey(path string) (note.Signer, note.Verifier, error) {
	text, err := keyText(path)
	if err != nil {
		return nil, nil, err
	}
	signer, err := note.NewSigner(text)
	if err != nil {
		return nil, nil, errors.New("not a private key of audit keygen") // note's error may hold the text
	}
	public, err := ReadPublicKey(path + PublicKeySuffix)
	if err == nil && (public.Name() != signer.Name() || public.KeyHash() != signer.KeyHash()) {
		err = errors.New("the public key beside it is another one's")
	}
	return signer, public, err
}

// ReadPublicKey reads the public key of checkpoints.
func ReadPublicKey(path string) (note.Verifier, error) {
	text, err := keyText(path)
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(text)
	if err != nil {
		return nil, errors.New("not a public key of audit keygen")
	}
	return v, nil
}

func keyText(path string) (string, error) {
	if path == "" {
		return "", errors.New("a file is required")
	}
	text, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no file %s", path)
	}
	return text, err
}
