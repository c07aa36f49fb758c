package anchor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"goniec/adapters/mailer"
)

// ByMail sends checkpoints to an address, as attached files.
func ByMail(server mailer.Mailer, to string) Keeper { return byMail{server, to} }

type byMail struct {
	server mailer.Mailer
	to     string
}

func (byMail) Name() string { return "mail" }

func (k byMail) Hand(ctx context.Context, m Made) error {
	at := m.Checkpoint.Time.UTC()
	return k.server.Send(ctx, mailer.Mail{
		ID: "checkpoint." + at.Format(fileTime), To: k.to, Happened: at,
		Subject: "goniec: checkpoint of the journal, " + at.Format("2006-01-02 15:04 MST"),
		Text: "Keep the attached file where the operator of goniec cannot reach it. It says what the journal was,\n" +
			"and `goniec audit verify --checkpoint FILE --key KEY` whether it still is.\n",
		File: mailer.File{Name: filepath.Base(m.File), Content: m.Signed},
	})
}

// webhookType is the type of what a webhook gets.
const webhookType = "goniec.checkpoint.v1"

// Webhook is the body of a call: Standard Webhooks, signed with a secret.
type Webhook struct {
	Type      string      `json:"type"`
	Timestamp time.Time   `json:"timestamp"`
	Data      WebhookData `json:"data"`
}

// WebhookData is the checkpoint.
type WebhookData struct {
	Checkpoint string `json:"checkpoint"` // the signed note
}

// ByWebhook calls a URL with each checkpoint: https, or http on this machine. The
// secret is base64, with or without "whsec_" before it.
func ByWebhook(to, secret string) (Keeper, error) {
	u, err := url.Parse(to)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, errors.New("audit.url: must be https, or http on this machine")
	}
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil || secret == "" {
		return nil, errors.New("audit.secretfile: must hold a secret in base64")
	}
	return &byWebhook{to: to, signer: signer, http: &http.Client{Timeout: handTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

type byWebhook struct {
	to     string
	signer *standardwebhooks.Webhook
	http   *http.Client
}

func (*byWebhook) Name() string { return "webhook" }

func (k *byWebhook) Hand(ctx context.Context, m Made) error {
	at := m.Checkpoint.Time.UTC()
	body, err := json.Marshal(Webhook{Type: webhookType, Timestamp: at, Data: WebhookData{string(m.Signed)}})
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	id := "checkpoint_" + at.Format(fileTime)
	now := time.Now()
	signature, err := k.signer.Sign(id, now, body)
	if err != nil {
		return errors.New("the call cannot be signed")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, k.to, bytes.NewReader(body))
	if err != nil {
		return errors.New("the URL cannot be called")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(standardwebhooks.HeaderWebhookID, id)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	resp, err := k.http.Do(req)
	if err != nil {
		return errors.New("no answer") // the error names the address
	}
	defer resp.Body.Close()                                       //nolint:errcheck // nothing is expected of it
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // the status has decided
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("answered with %d", resp.StatusCode)
	}
	return nil
}
