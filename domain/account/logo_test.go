package account_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"net/http"
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

// smallFrame is a GIF of 200×200 pixels whose only picture covers a part of them.
func smallFrame(t *testing.T) []byte {
	t.Helper()
	g := gif.GIF{
		Image:  []*image.Paletted{image.NewPaletted(image.Rect(50, 50, 60, 60), color.Palette{color.Black, color.White})},
		Delay:  []int{0},
		Config: image.Config{Width: 200, Height: 200, ColorModel: color.Palette{color.Black, color.White}},
	}
	var b bytes.Buffer
	require.NoError(t, gif.EncodeAll(&b, &g))
	return b.Bytes()
}

// bomb is a PNG of a few bytes whose header promises 4 billion pixels.
func bomb(t *testing.T) []byte {
	t.Helper()
	data := encoded(t, "png", 200, 200)
	const width, check = 16, 29
	copy(data[width:], []byte{0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff})
	binary.BigEndian.PutUint32(data[check:], crc32.ChecksumIEEE(data[12:check]))
	return data
}

// B3: judged by content, exactly 200×200, not animated, at most 500 KB; written anew.
func TestLogo(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"jpeg", "png", "gif"} {
		data := encoded(t, typ, 200, 200)
		clean, got, err := account.CleanLogo(append(data, "a comment behind"...))
		require.NoError(t, err, typ)
		sum := sha256.Sum256(clean)
		require.Equal(t, account.Logo{Digest: hex.EncodeToString(sum[:]), Type: typ, Width: 200, Height: 200}, got)
		require.NotContains(t, string(clean), "comment")
		require.Equal(t, "image/"+typ, http.DetectContentType(clean))
		again, _, err := account.CleanLogo(clean)
		require.NoError(t, err, typ)
		if typ != "jpeg" { // which loses a little each time
			require.Equal(t, clean, again)
		}
	}
	_, _, err := account.CleanLogo(animated(t, 1))
	require.NoError(t, err, "one frame is no animation")

	whole := encoded(t, "png", 200, 200)
	full := append(whole[:len(whole):len(whole)], make([]byte, account.MaxLogoBytes-len(whole))...)
	_, _, err = account.CleanLogo(full)
	require.NoError(t, err, "500 KB")
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"nothing":       {nil, "is not a JPG, GIF or PNG, whatever its name says: save it as one"},
		"a PDF":         {[]byte("%PDF-1.7\n"), "is not a JPG, GIF or PNG, whatever its name says: save it as one"},
		"199 wide":      {encoded(t, "jpeg", 199, 200), "has 199×200 pixels: crop or scale it to exactly 200×200"},
		"201 high":      {encoded(t, "gif", 200, 201), "has 200×201 pixels: crop or scale it to exactly 200×200"},
		"a bomb":        {bomb(t), "has 65535×65535 pixels: crop or scale it to exactly 200×200"},
		"two frames":    {animated(t, 2), "is animated: save one of its pictures"},
		"animated PNG":  {animatedPNG(t), "is animated: save one of its pictures"},
		"a small frame": {smallFrame(t), "has a picture that does not fill its 200×200 pixels: save it as PNG"},
		"a byte more":   {append(full, 0), "is larger than 500 KB: save it as JPG, or as PNG with fewer colours"},
		"half a PNG":    {whole[:len(whole)/2], "is not a whole png: save or copy it again"},
		"half a JPG":    {encoded(t, "jpeg", 200, 200)[:300], "is not a whole jpeg: save or copy it again"},
		"half a header": {whole[:10], "is not a whole png: save or copy it again"},
	} {
		_, _, err := account.CleanLogo(c.data)
		var refusal *domain.Error
		require.ErrorAs(t, err, &refusal, name)
		require.Equal(t, domain.Error{Code: "invalid_logo", Field: "logo", Message: c.says}, *refusal, name)
	}
}

func FuzzLogo(f *testing.F) {
	f.Add([]byte("GIF89a"))
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if clean, l, err := account.CleanLogo(data); err == nil {
			require.Equal(t, []int{200, 200}, []int{l.Width, l.Height})
			_, _, err := account.CleanLogo(clean)
			require.NoError(t, err)
			require.LessOrEqual(t, len(clean), account.MaxLogoBytes)
		}
	})
}
