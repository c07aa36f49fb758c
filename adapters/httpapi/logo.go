package httpapi

import (
	"context"
	"encoding/base64"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"goniec/domain"
	"goniec/domain/account"
)

// registerLogo adds the way back of a logo; it comes with the form.
func (a *API) registerLogo(api huma.API) {
	register(a, api, operation{
		id: "get-sender-logo", method: http.MethodGet, path: "/v1/senders/{id}/logo", tag: "Senders", errors: []int{http.StatusNotFound},
		summary: "The logo's file", description: "As it is kept: written anew without metadata. Its SHA-256 is the ETag.",
		produces: []string{"image/png", "image/jpeg", "image/gif"},
	}, a.logo)
}

// keepLogo keeps a logo's file and returns what the form holds of it: nil for none
// in the request, all empty for one that is taken away.
func (a *API) keepLogo(ctx context.Context, text *string) (*account.Logo, error) {
	if text == nil {
		return nil, nil
	}
	if *text == "" {
		return &account.Logo{}, nil
	}
	data, err := base64.StdEncoding.DecodeString(*text)
	if err != nil {
		return nil, domain.RefuseField(account.CodeInvalidLogo, "logo", "is not the file in base64")
	}
	clean, logo, err := account.CleanLogo(data)
	if err != nil {
		return nil, err
	}
	if logo.Digest, err = a.cfg.Blobs.Put(ctx, clean); err != nil {
		return nil, err
	}
	return &logo, nil
}

func (a *API) logo(ctx context.Context, c *call, in *idParam, _ *noBody) (*file, error) {
	s, err := a.visible(c, in.ID)
	if err != nil {
		return nil, err
	}
	if s.Form.Logo == nil {
		return nil, ErrNotFound
	}
	out, err := a.blob(ctx, s.Form.Logo.Digest)
	if err != nil {
		return nil, err
	}
	out.ContentType = "image/" + s.Form.Logo.Type
	return out, nil
}

// blob is a kept file. One that was saved before files were kept is not there.
func (a *API) blob(ctx context.Context, digest string) (*file, error) {
	data, found, err := a.cfg.Blobs.Get(ctx, digest)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, ErrNotFound
	}
	return &file{Status: http.StatusOK, ETag: `"` + digest + `"`, Body: data}, nil
}
