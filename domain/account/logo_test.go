package account_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
)

func encoded(t *testing.T, typ string, width, height int) []byte {
	t.Helper()
	img := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.Black, color.White})
	var b bytes.Buffer
	switch typ {
	case "jpeg":
		require.NoError(t, jpeg.Encode(&b, img, nil))
	case "png":
		require.NoError(t, png.Encode(&b, img))
	default:
		require.NoError(t, gif.Encode(&b, img, nil))
	}
	return b.Bytes()
}

func animated(t *testing.T, frames int) []byte {
	t.Helper()
	var g gif.GIF
	for range frames {
		g.Image = append(g.Image, image.NewPaletted(image.Rect(0, 0, 200, 200), color.Palette{color.Black, color.White}))
		g.Delay = append(g.Delay, 10)
	}
	var b bytes.Buffer
	require.NoError(t, gif.EncodeAll(&b, &g))
	return b.Bytes()
}

// animatedPNG puts the chunk that makes a PNG an animation behind its header.
func animatedPNG(t *testing.T) []byte {
	t.Helper()
	data := encoded(t, "png", 200, 200)
	const header = 8 + 25
	control := []byte{0, 0, 0, 8, 'a', 'c', 'T', 'L', 0, 0, 0, 2, 0, 0, 0, 0, 0xf3, 0x8d, 0x93, 0x70}
	return bytes.Join([][]byte{data[:header], control, data[header:]}, nil)
}

// B3: judged by content, exactly 200×200, not animated, at most 500 KB.
func TestLogo(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"jpeg", "png", "gif"} {
		data := encoded(t, typ, 200, 200)
		got, err := account.ValidateLogo(data)
		require.NoError(t, err, typ)
		sum := sha256.Sum256(data)
		require.Equal(t, account.Logo{Digest: hex.EncodeToString(sum[:]), Type: typ, Width: 200, Height: 200}, got)
	}
	_, err := account.ValidateLogo(animated(t, 1))
	require.NoError(t, err, "one frame is no animation")

	whole := encoded(t, "png", 200, 200)
	full := append(whole[:len(whole):len(whole)], make([]byte, account.MaxLogoBytes-len(whole))...)
	_, err = account.ValidateLogo(full)
	require.NoError(t, err, "500 KB")
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"nothing":       {nil, "is not a JPG, GIF or PNG"},
		"a text":        {[]byte("<svg/>"), "is not a JPG, GIF or PNG"},
		"199 wide":      {encoded(t, "jpeg", 199, 200), "has 199×200 pixels; it must have 200×200"},
		"201 high":      {encoded(t, "gif", 200, 201), "has 200×201 pixels; it must have 200×200"},
		"two frames":    {animated(t, 2), "is animated"},
		"animated PNG":  {animatedPNG(t), "is animated"},
		"a byte more":   {append(full, 0), "has 512001 bytes; at most 512000 are possible"},
		"half a PNG":    {whole[:len(whole)/2], "is not a whole png"},
		"half a JPG":    {encoded(t, "jpeg", 200, 200)[:300], "is not a whole jpeg"},
		"half a header": {whole[:10], "is not a whole png"},
	} {
		_, err := account.ValidateLogo(c.data)
		var refusal *domain.Error
		require.ErrorAs(t, err, &refusal, name)
		require.Equal(t, domain.Error{Code: "invalid_logo", Field: "logo", Message: c.says}, *refusal, name)
	}
}

func FuzzLogo(f *testing.F) {
	f.Add([]byte("GIF89a"))
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if l, err := account.ValidateLogo(data); err == nil {
			require.Equal(t, []int{200, 200}, []int{l.Width, l.Height})
		}
	})
}
