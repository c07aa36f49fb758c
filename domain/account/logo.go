package account

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"
)

// ValidateLogo judges a logo by its content, whatever its name says: JPG, GIF or
// PNG, exactly LogoSize pixels both ways, at most MaxLogoBytes, not animated and
// whole (B3). It refuses with CodeInvalidLogo.
func ValidateLogo(data []byte) (Logo, error) {
	if len(data) > MaxLogoBytes {
		return Logo{}, invalidLogo("has %d bytes; at most %d are possible", len(data), MaxLogoBytes)
	}
	typ, config, decode := format(data)
	if typ == "" {
		return Logo{}, invalidLogo("is not a JPG, GIF or PNG")
	}
	c, err := config(bytes.NewReader(data))
	if err != nil {
		return Logo{}, invalidLogo("is not a whole %s", typ)
	}
	// Before anything is decoded: its size is what bounds the work.
	if c.Width != LogoSize || c.Height != LogoSize {
		return Logo{}, invalidLogo("has %d×%d pixels; it must have %d×%d", c.Width, c.Height, LogoSize, LogoSize)
	}
	rest := bytes.NewReader(data)
	if _, err = decode(rest); err != nil {
		return Logo{}, invalidLogo("is not a whole %s", typ)
	}
	if (typ == "gif" && secondFrame(data[len(data)-rest.Len():])) || (typ == "png" && slices.Contains(chunks(data), "acTL")) {
		return Logo{}, invalidLogo("is animated")
	}
	sum := sha256.Sum256(data)
	return Logo{Digest: hex.EncodeToString(sum[:]), Type: typ, Width: c.Width, Height: c.Height}, nil
}

func format(data []byte) (typ string, config func(*bytes.Reader) (image.Config, error), decode func(*bytes.Reader) (image.Image, error)) {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		return "jpeg", func(r *bytes.Reader) (image.Config, error) { return jpeg.DecodeConfig(r) }, func(r *bytes.Reader) (image.Image, error) { return jpeg.Decode(r) }
	case bytes.HasPrefix(data, []byte("GIF87a")), bytes.HasPrefix(data, []byte("GIF89a")):
		return "gif", func(r *bytes.Reader) (image.Config, error) { return gif.DecodeConfig(r) }, func(r *bytes.Reader) (image.Image, error) { return gif.Decode(r) }
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return "png", func(r *bytes.Reader) (image.Config, error) { return png.DecodeConfig(r) }, func(r *bytes.Reader) (image.Image, error) { return png.Decode(r) }
	}
	return "", nil, nil
}

// secondFrame looks behind the first image of a GIF, where the decoder stops. It
// reads blocks and decodes nothing: a small file may hold thousands of frames.
func secondFrame(rest []byte) bool {
	for len(rest) > 2 && rest[0] == '!' { // an extension: its label, then sub-blocks up to an empty one
		rest = rest[2:]
		for len(rest) > 0 && rest[0] != 0 {
			rest = rest[min(1+int(rest[0]), len(rest)):]
		}
		rest = rest[min(1, len(rest)):]
	}
	return len(rest) > 0 && rest[0] == ','
}

// chunks lists the types of a PNG's chunks.
func chunks(data []byte) []string {
	var out []string
	const signature, frame = 8, 12 // a chunk's length, type and check sum
	for at := signature; at+frame <= len(data); {
		out = append(out, string(data[at+4:at+8]))
		at += frame + int(binary.BigEndian.Uint32(data[at:]))
	}
	return out
}
