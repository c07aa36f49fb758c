package embedded

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
	"github.com/xi2/xz"
)

const (
	// postgresVersion is pinned with its checksums below. The SQL of this project stays within PostgreSQL 15.
	postgresVersion = string(embeddedpostgres.V18)

	maxArchiveBytes = 64 << 20
	maxProgramBytes = 512 << 20
	lockPoll        = 200 * time.Millisecond
)

// archiveSums are the SHA-256 sums of the archives, by platform.
func archiveSums() map[string]string {
	return map[string]string{
		"linux-amd64":        "1974c3a59c3ae010e9818e81637e425aad94eaac26e4ef533b42e081fe7ca345",
		"linux-amd64-alpine": "510fd314da39f1eeccef774a92428474168fedf55403342548e2adeaed66b483",
		"linux-arm64v8":      "1fb555a6602c13a113ab1f0cc9224d599948e85e51ac5f001393605505eaf78e",
		"darwin-amd64":       "cb68c57232945f5e74db946e6077d70cec56bfed35959b21acc750cc80ca0977",
		"darwin-arm64v8":     "a18ec9ec6a905e04f5a08a8f7870bddadd635feb54dee332a3daf80fada3cb1a",
	}
}

// programs returns the directory of PostgreSQL's programs, downloading them at first use. Processes that want them at
// the same time wait for the one that fetches.
func programs(ctx context.Context, cfg PostgresConfig) (string, error) {
	if cfg.BinDir != "" {
		return cfg.BinDir, nil
	}
	platform := platformName()
	sum, ok := archiveSums()[platform]
	if !ok {
		return "", fmt.Errorf("no PostgreSQL to download for %s: install it and name its programs' directory", platform)
	}
	cache, err := cacheDir(cfg)
	if err != nil {
		return "", err
	}
	home := filepath.Join(cache, "postgres-"+postgresVersion+"-"+platform)
	if haveProgram(home) {
		return filepath.Join(home, "bin"), nil
	}
	release, err := lockCache(ctx, cache, cfg.Progress)
	if err != nil {
		return "", err
	}
	if !haveProgram(home) {
		err = fetchPrograms(ctx, cfg, platform, sum, home)
	}
	return filepath.Join(home, "bin"), errors.Join(err, release())
}

func haveProgram(home string) bool {
	_, err := os.Stat(filepath.Join(home, "bin", "postgres"))
	return err == nil
}

// systemCache is for root, whose own cache the server's user cannot reach.
const systemCache = "/var/cache/goniec"

// CacheDir is where downloaded programs are kept unless configured: goniec's directory in the user's cache, for root
// the system's. It is created when missing.
func CacheDir() (string, error) { return cacheDir(PostgresConfig{}) }

func cacheDir(cfg PostgresConfig) (string, error) {
	dir := cfg.CacheDir
	if dir == "" {
		dir = defaultCacheDir()
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("cache directory: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("create cache directory: %w", err)
	}
	return dir, nil
}

func defaultCacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil { // no home: a service account or a bare container
		dir = filepath.Join(os.TempDir(), fmt.Sprintf("goniec-cache-%d", os.Getuid()))
	}
	dir = filepath.Join(dir, "goniec")
	if os.Geteuid() == 0 && !openToAll(dir) {
		return systemCache
	}
	return dir
}

func lockCache(ctx context.Context, cache string, progress func(Progress)) (func() error, error) {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		release, err := LockDir(cache)
		var locked *LockedError
		if !errors.As(err, &locked) {
			return release, err
		}
		progress(Progress{Step: "waiting for another process that fetches PostgreSQL"})
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for PostgreSQL's programs: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// platformName is the archive's name for this system, as its makers spell it.
func platformName() string {
	arch := runtime.GOARCH
	if arch == "arm64" {
		arch = "arm64v8"
	}
	name := runtime.GOOS + "-" + arch
	if _, err := os.Stat("/etc/alpine-release"); err == nil {
		name += "-alpine"
	}
	return name
}

// defaultRepository is where the embedded-postgres library would download from; it keeps the address to itself.
func defaultRepository() string {
	field := reflect.ValueOf(embeddedpostgres.DefaultConfig()).FieldByName("binaryRepositoryURL")
	if !field.IsValid() || field.Kind() != reflect.String {
		return ""
	}
	return field.String()
}

func fetchPrograms(ctx context.Context, cfg PostgresConfig, platform, sum, home string) error {
	repository := cfg.Repository
	if repository == "" {
		repository = defaultRepository()
	}
	artifact := "embedded-postgres-binaries-" + platform
	address := fmt.Sprintf("%s/io/zonky/test/postgres/%s/%s/%s-%s.jar",
		strings.TrimRight(repository, "/"), artifact, postgresVersion, artifact, postgresVersion)
	archive, err := download(ctx, address, cfg.Progress)
	if err != nil {
		return fmt.Errorf("fetch PostgreSQL %s: %w", postgresVersion, err)
	}
	got := sha256.Sum256(archive)
	if hex.EncodeToString(got[:]) != sum {
		return fmt.Errorf("fetch PostgreSQL %s: the archive's checksum is %x, not %s", postgresVersion, got, sum)
	}
	cfg.Progress(Progress{Step: "unpacking PostgreSQL"})
	if err := unpackTo(archive, home); err != nil {
		return fmt.Errorf("unpack PostgreSQL %s: %w", postgresVersion, err)
	}
	return nil
}

func download(ctx context.Context, address string, progress func(Progress)) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: 30 * time.Second, TLSHandshakeTimeout: 15 * time.Second,
	}}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the repository answers %s", resp.Status)
	}
	counter := &countingReader{r: io.LimitReader(resp.Body, maxArchiveBytes+1), total: resp.ContentLength, tell: progress}
	raw, err := io.ReadAll(counter)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if len(raw) > maxArchiveBytes {
		return nil, errors.New("the archive is too large")
	}
	return raw, nil
}

// countingReader tells progress as it is read.
type countingReader struct {
	r           io.Reader
	done, total int64
	tell        func(Progress)
}

func (c *countingReader) Read(buf []byte) (int, error) {
	n, err := c.r.Read(buf)
	c.done += int64(n)
	c.tell(Progress{Step: "fetching PostgreSQL " + postgresVersion, Done: c.done, Total: max(c.total, 0)})
	return n, err
}

// unpackTo puts the programs under their name only when they are whole.
func unpackTo(archive []byte, home string) error {
	tmp := home + newSuffix
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("remove an unfinished copy: %w", err)
	}
	inner, err := innerArchive(archive)
	if err != nil {
		return err
	}
	if err := untar(inner, tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, home); err != nil {
		return fmt.Errorf("put in place: %w", err)
	}
	return nil
}

// innerArchive returns the .txz within the .jar.
func innerArchive(archive []byte) (io.Reader, error) {
	jar, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	for _, f := range jar.File {
		if !strings.HasSuffix(f.Name, ".txz") {
			continue
		}
		raw, err := readZipFile(f)
		if err != nil {
			return nil, err
		}
		r, err := xz.NewReader(bytes.NewReader(raw), 0)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", f.Name, err)
		}
		return io.LimitReader(r, maxProgramBytes), nil
	}
	return nil, errors.New("the archive holds no programs")
}

func readZipFile(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", f.Name, err)
	}
	defer r.Close() //nolint:errcheck // read only
	raw, err := io.ReadAll(io.LimitReader(r, maxArchiveBytes))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name, err)
	}
	return raw, nil
}

func untar(r io.Reader, dir string) error {
	tr := tar.NewReader(r)
	for {
		head, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read archive: %w", err)
		}
		if err := extract(tr, head, dir); err != nil {
			return fmt.Errorf("extract %s: %w", head.Name, err)
		}
	}
}

func extract(r io.Reader, head *tar.Header, dir string) error {
	if !filepath.IsLocal(head.Name) {
		return errors.New("path leads outside")
	}
	path := filepath.Join(dir, head.Name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	switch head.Typeflag {
	case tar.TypeDir:
		return os.MkdirAll(path, 0o755)
	case tar.TypeSymlink:
		if !filepath.IsLocal(filepath.Join(filepath.Dir(head.Name), head.Linkname)) {
			return errors.New("link leads outside")
		}
		return os.Symlink(head.Linkname, path)
	case tar.TypeReg:
		return extractFile(r, path, head.FileInfo().Mode().Perm())
	default:
		return nil
	}
}

func extractFile(r io.Reader, path string, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode&0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.LimitReader(r, maxProgramBytes))
	return errors.Join(err, f.Close())
}
