package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"goniec/cmd/goniec/internal/run"
)

// versionBody is what `version` says with --json.
type versionBody struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"` // of the commit
	Modified bool   `json:"modified,omitempty"`
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Say which goniec this is", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := versionOf()
			return a.show(v, func() {
				a.say("goniec %s", v.Version)
				a.say("built with %s for %s", v.Go, v.Platform)
				if v.Commit != "" {
					changed := ""
					if v.Modified {
						changed = ", with changes"
					}
					a.say("from commit %s of %s%s", v.Commit, v.Date, changed)
				}
			})
		},
	}
}

func versionOf() versionBody {
	v := versionBody{Version: run.Version(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.time":
			v.Date = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
