package mailer_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/adapters/mailer"
)

func TestSMTPConfig(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]mailer.SMTPConfig{
		"mail.addr: must be host:port":         {Addr: "mail.example.com", From: "a@example.com"},
		"mail.from: must be an e-mail address": {Addr: "mail.example.com:587", From: "nobody"},
	} {
		_, err := mailer.NewSMTP(cfg)
		require.EqualError(t, err, want)
	}
	for _, addr := range []string{"mail.example.com:465", "mail.example.com:587"} {
		_, err := mailer.NewSMTP(mailer.SMTPConfig{Addr: addr, From: "a@example.com", TLS: true, User: "u", Password: "p"})
		require.NoError(t, err)
	}
}
