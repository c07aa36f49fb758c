package httpapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/text/unicode/norm"

	"goniec/adapters/phone"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/calendar"
	"goniec/domain/message"
)

// MaxRegulationsText bounds the text of a version, in bytes: as much as is kept of a file.
const MaxRegulationsText = 1_000_000

// RegulationsRequest is the body of POST /v1/regulations.
type RegulationsRequest struct {
	Title       string            `json:"title" maxLength:"200"`
	Text        string            `json:"text" doc:"The file in base64, at most 1,000,000 bytes. It is given out as it is."`
	ContentType string            `json:"content_type" enum:"application/pdf,text/plain,text/markdown,text/html"`
	ValidFrom   string            `json:"valid_from" format:"date" doc:"The first day, in the billing zone: at least 30 days ahead; the first version may begin today." example:"2027-01-01"`
	Minimums    []account.Minimum `json:"minimums,omitempty" maxItems:"500" doc:"One for each country and currency. unit is amount unless it is messages, mode true_up unless full, scope per_country unless highest_of_sender."`
}

// RegulationsBody is a version of the regulations.
type RegulationsBody struct {
	Version     int64             `json:"version"`
	Title       string            `json:"title"`
	Digest      string            `json:"digest" doc:"SHA-256 of the text, hex."`
	ContentType string            `json:"content_type"`
	AnnouncedAt time.Time         `json:"announced_at"`
	ValidFrom   string            `json:"valid_from" format:"date" doc:"The first day, in the billing zone."`
	Minimums    []account.Minimum `json:"minimums"`
}

// RegulationsList shows all versions and how the account stands to them.
type RegulationsList struct {
	Versions []RegulationsBody `json:"versions" doc:"The oldest first."`
	InForce  int64             `json:"in_force,omitempty" doc:"The version in force; absent: none is."`
	Coming   int64             `json:"coming,omitempty" doc:"The version that is the next to begin."`
	Accepted []AcceptanceBody  `json:"accepted" doc:"By this key's account, the oldest first."`
	Missing  []account.Item    `json:"missing" doc:"What keeps this key's account from sending; none: it has accepted what is in force."`
}

// AcceptanceBody is what an account accepted.
type AcceptanceBody struct {
	Version int64     `json:"version"`
	Digest  string    `json:"digest" doc:"SHA-256 of the text that was accepted."`
	By      string    `json:"by" doc:"The label of the key that accepted."`
	At      time.Time `json:"at"`
}

// MinimumsRequest is the body of POST /v1/regulations/preview.
type MinimumsRequest struct {
	ValidFrom string            `json:"valid_from" format:"date" doc:"The first day, in the billing zone."`
	Minimums  []account.Minimum `json:"minimums" maxItems:"500"`
}

// MinimumsPreview answers it.
type MinimumsPreview struct {
	Changes []account.MinimumChange `json:"changes" doc:"Against the version in force on that day; before is absent for a new minimum, after for one that goes."`
	Senders []account.MinimumEffect `json:"senders" doc:"Senders of these countries and currencies that are not closed."`
}

type versionParam struct {
	Version string `path:"version" doc:"1, 2, …"`
}

func (a *API) registerRegulations(api huma.API) {
	register(a, api, operation{
		id: "list-regulations", method: http.MethodGet, path: "/v1/regulations", tag: "Regulations",
		summary: "Versions of the regulations, and what the account has accepted",
	}, a.regulations)
	register(a, api, operation{
		id: "get-regulations-text", method: http.MethodGet, path: "/v1/regulations/{version}/text", tag: "Regulations", errors: []int{http.StatusNotFound},
		summary: "The text of a version, as it was published", produces: []string{"application/pdf", "text/plain", "text/markdown", "text/html"},
	}, a.regulationsText)
	register(a, api, operation{
		id: "accept-regulations", method: http.MethodPost, path: "/v1/regulations/{version}/acceptance", tag: "Regulations",
		errors: []int{http.StatusNotFound, http.StatusUnprocessableEntity}, summary: "Accept a version that is in force or coming",
		description: "Kept with the time, the key and its label, and sealed the address that the request came from as this process sees it.",
	}, a.acceptRegulations)
	register(a, api, operation{
		id: "preview-regulations", method: http.MethodPost, path: "/v1/regulations/preview", tag: "Operator",
		summary: "What a version's minimums would change, for which senders; nothing is published",
	}, a.previewRegulations)
	register(a, api, operation{
		id: "publish-regulations", method: http.MethodPost, path: "/v1/regulations", tag: "Operator", status: http.StatusCreated,
		summary: "Publish a version of the regulations", maxBody: 2 << 20, large: "text",
		description: "From its first day on an account that has not accepted it sends nothing. It cannot be taken back; a later version with the same first day takes its place.",
	}, a.publishRegulations)
}

func (a *API) regulations(_ context.Context, c *call, _ *noParams, _ *noBody) (*answer[RegulationsList], error) {
	view, now := a.cfg.View, a.cfg.Clock.Now()
	out := RegulationsList{Versions: []RegulationsBody{}, Accepted: []AcceptanceBody{}, Missing: []account.Item{}}
	for _, r := range view.Regulations() {
		out.Versions = append(out.Versions, a.regulationsBody(r.Version, r.RegulationsPublished))
	}
	for _, x := range view.Acceptances(c.key.Account) {
		out.Accepted = append(out.Accepted, AcceptanceBody{Version: x.Version, Digest: x.Digest, By: x.Label, At: x.At})
	}
	if !c.everywhere() {
		out.Missing = c.needs(view.MissingRegulations(c.key.Account, now))
	}
	inForce, _ := view.RegulationsAt(now)
	coming, _ := view.ComingRegulations(now)
	out.InForce, out.Coming = inForce.Version, coming.Version
	return ok(out)
}

func (a *API) regulationsBody(version int64, p account.RegulationsPublished) RegulationsBody {
	return RegulationsBody{
		Version: version, Title: p.Title, Digest: p.Digest, ContentType: p.ContentType,
		AnnouncedAt: p.AnnouncedAt, ValidFrom: calendar.DateOf(p.ValidFrom, a.cfg.Zone).String(), Minimums: orEmpty(p.Minimums),
	}
}

func (a *API) version(number int64) (account.Regulations, bool) {
	all := a.cfg.View.Regulations()
	if number < 1 || number > int64(len(all)) {
		return account.Regulations{}, false
	}
	return all[number-1], true
}

// named finds the version that a path names.
func (a *API) named(in *versionParam) (account.Regulations, error) {
	number, _ := strconv.ParseInt(in.Version, 10, 64) // 0 = no version has that
	r, found := a.version(number)
	if !found || in.Version != strconv.FormatInt(number, 10) {
		return account.Regulations{}, ErrNotFound
	}
	return r, nil
}

func (a *API) regulationsText(ctx context.Context, _ *call, in *versionParam, _ *noBody) (*file, error) {
	r, err := a.named(in)
	if err != nil {
		return nil, err
	}
	out, err := a.blob(ctx, r.Digest)
	if err != nil {
		return nil, err
	}
	out.ContentType = r.ContentType
	if r.ContentType != "application/pdf" {
		out.ContentType += "; charset=utf-8"
	}
	out.Disposition = fmt.Sprintf(`attachment; filename="regulations-%d%s"`, r.Version, account.RegulationsTypes()[r.ContentType])
	return out, nil
}

func (a *API) publishRegulations(ctx context.Context, c *call, _ *noParams, body *RegulationsRequest) (*answer[RegulationsBody], error) {
	text, err := regulationsFile(body)
	if err != nil {
		return nil, err
	}
	from, err := a.beginning(body.ValidFrom)
	if err != nil {
		return nil, err
	}
	if err := knownCountries(body.Minimums); err != nil {
		return nil, err
	}
	publish := account.PublishRegulations{
		Title: norm.NFC.String(body.Title), ContentType: body.ContentType, ValidFrom: from, Minimums: body.Minimums,
	}
	if publish.Digest, err = a.cfg.Blobs.Put(ctx, text); err != nil {
		return nil, err
	}
	out, err := a.configure(ctx, c, account.Installation, account.RegulationsStream, publish)
	if err != nil {
		return nil, err
	}
	r, found := a.version(out.Version)
	if !found {
		return nil, unavailable("the version is published, but not visible here yet")
	}
	return &answer[RegulationsBody]{Status: http.StatusCreated, Body: a.regulationsBody(r.Version, r.RegulationsPublished)}, nil
}

// knownCountry refuses, with a code, what is no country.
func knownCountry(code, field, country string) error {
	if phone.KnownCountry(country) {
		return nil
	}
	return domain.RefuseField(code, field, "must be a country by its ISO 3166-1 alpha-2 code, such as PL")
}

func knownCountries(minimums []account.Minimum) error {
	for i, m := range minimums {
		if err := knownCountry(account.CodeInvalidCountry, fmt.Sprintf("minimums[%d].country", i), m.Country); err != nil {
			return err
		}
	}
	return nil
}

// beginning is the first instant of a day in the billing zone.
func (a *API) beginning(day string) (time.Time, error) {
	d, err := calendar.ParseDate(day)
	if err != nil {
		return time.Time{}, domain.RefuseField(CodeInvalidValue, "valid_from", "must be a date such as 2027-01-01")
	}
	return d.Begins(a.cfg.Zone), nil
}

func (a *API) previewRegulations(_ context.Context, _ *call, _ *noParams, body *MinimumsRequest) (*answer[MinimumsPreview], error) {
	from, err := a.beginning(body.ValidFrom)
	if err != nil {
		return nil, err
	}
	if err := knownCountries(body.Minimums); err != nil {
		return nil, err
	}
	changes, whom, err := a.cfg.View.PreviewMinimums(from, body.Minimums)
	if err != nil {
		return nil, err
	}
	return ok(MinimumsPreview{Changes: orEmpty(changes), Senders: orEmpty(whom)})
}

// regulationsFile judges the text by its content: what it is given out as.
func regulationsFile(body *RegulationsRequest) ([]byte, error) {
	if body.Text == "" {
		return nil, domain.RefuseField(CodeRequired, "text", "is required")
	}
	data, err := base64.StdEncoding.DecodeString(body.Text)
	pdf := body.ContentType == "application/pdf"
	switch {
	case err != nil:
		return nil, domain.RefuseField(CodeInvalidValue, "text", "is not the file in base64")
	case len(data) > MaxRegulationsText:
		return nil, domain.RefuseField(CodeTooLong, "text", "must be at most %d bytes", MaxRegulationsText)
	case pdf && !bytes.HasPrefix(data, []byte("%PDF-")):
		return nil, domain.RefuseField(CodeInvalidValue, "text", "is not a PDF, as content_type says")
	case !pdf && !utf8.Valid(data):
		return nil, domain.RefuseField(CodeInvalidValue, "text", "is not a text in UTF-8, as content_type says")
	}
	return data, nil
}

func (a *API) acceptRegulations(ctx context.Context, c *call, in *versionParam, _ *noBody) (*answer[ChangedBody], error) {
	r, err := a.named(in)
	if err != nil {
		return nil, err
	}
	changed, err := a.agree(ctx, c, "version", r)
	if err != nil {
		return nil, err
	}
	return ok(ChangedBody{Changed: changed})
}

// agree records that the client's account accepts a version that is in force or
// still to come (B2). The address goes nowhere but sealed.
func (a *API) agree(ctx context.Context, c *call, field string, r account.Regulations) (changed bool, err error) {
	if current, _ := a.cfg.View.RegulationsAt(a.cfg.Clock.Now()); r.Version < current.Version {
		return false, domain.RefuseField(CodeInvalidValue, field, "is not in force any more: version %d is", current.Version)
	}
	host, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		host = "unknown"
	}
	sealed, err := a.cfg.Sealer.Seal([]byte(host), account.AcceptanceContext(c.key.Account, r.Version))
	if err != nil {
		return false, err
	}
	out, err := a.configure(ctx, c, c.key.Account, account.AccountStream(c.key.Account), account.AcceptRegulations{
		Version: r.Version, Digest: r.Digest, Label: c.key.Label, Address: base64.StdEncoding.EncodeToString(sealed),
	})
	return len(out.Events) > 0, err
}

// acceptFirst is what a client's new sender needs: the regulations in force are
// accepted, herewith or before (B1). An operator accepts nothing for a client.
func (a *API) acceptFirst(ctx context.Context, c *call, of string, version int64) error {
	const field = "accept_regulations"
	if c.everywhere() {
		if version != 0 {
			return domain.RefuseField(CodeInvalidValue, field, "is for the client to say, with a key of the account")
		}
		return nil
	}
	if version != 0 {
		r, found := a.version(version)
		if !found {
			return domain.RefuseField(CodeInvalidValue, field, "is not a version of the regulations")
		}
		if _, err := a.agree(ctx, c, field, r); err != nil {
			return err
		}
	}
	if needs := a.cfg.View.Unaccepted(of, a.cfg.Clock.Now()); needs != 0 && needs != version {
		return domain.RefuseField(message.CodeNotAccepted, field, "must be %[1]d, the version in force: read it at /v1/regulations/%[1]d/text", needs)
	}
	return nil
}
