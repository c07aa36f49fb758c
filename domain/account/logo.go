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

	"goniec/domain"
)

// logoQuality is that of a JPG that is written anew: nobody sees a difference.
const logoQuality = 95

// LogoTooLarge refuses a file of more than MaxLogoBytes.
func LogoTooLarge() *domain.Error {
	return invalidLogo("is larger than %d KB: save it as JPG, or as PNG with fewer colours", MaxLogoBytes>>10)
}

// CleanLogo judges a logo by its content, whatever its name says: JPG, GIF or PNG,
// exactly LogoSize pixels both ways, at most MaxLogoBytes, not animated and whole
// (B3). It returns the picture written anew in the same format, without the file's
// metadata, and what it is. It refuses with CodeInvalidLogo and says what helps.
func CleanLogo(data []byte) ([]byte, Logo, error) {
	typ, img, err := readLogo(data)
	if err != nil {
		return nil, Logo{}, err
	}
	var b bytes.Buffer
	switch typ {
	case "jpeg":
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: logoQuality})
	case "gif":
		err = gif.Encode(&b, img, nil)
	default:
		err = png.Encode(&b, img)
	}
	if err != nil { // not of a picture that was just read
		return nil, Logo{}, invalidLogo("cannot be written anew: save it again as PNG")
	}
	sum := sha256.Sum256(b.Bytes())
	return b.Bytes(), Logo{Digest: hex.EncodeToString(sum[:]), Type: typ, Width: LogoSize, Height: LogoSize}, nil
}

func readLogo(data []byte) (typ string, img image.Image, err error) {
	if len(data) > MaxLogoBytes {
		return "", nil, LogoTooLarge()
	}
	typ, config, decode := format(data)
	if typ == "" {
		return "", nil, invalidLogo("is not a JPG, GIF or PNG, whatever its name says: save it as one")
	}
	c, err := config(bytes.NewReader(data))
	if err != nil {
		return "", nil, invalidLogo("is not a whole %s: save or copy it again", typ)
	}
	// Before anything is decoded: its size is what bounds the work.
	if c.Width != LogoSize || c.Height != LogoSize {
		return "", nil, invalidLogo("has %d×%d pixels: crop or scale it to exactly %d×%d", c.Width, c.Height, LogoSize, LogoSize)
	}
	rest := bytes.NewReader(data)
	if img, err = decode(rest); err != nil {
		return "", nil, invalidLogo("is not a whole %s: save or copy it again", typ)
	}
	if (typ == "gif" && secondFrame(data[len(data)-rest.Len():])) || (typ == "png" && slices.Contains(chunks(data), "acTL")) {
		return "", nil, invalidLogo("is animated: save one of its pictures")
	}
	if img.Bounds() != image.Rect(0, 0, LogoSize, LogoSize) { // a GIF whose picture is smaller than its screen
		return "", nil, invalidLogo("has a picture that does not fill its %d×%d pixels: save it as PNG", LogoSize, LogoSize)
	}
	return typ, img, nil
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
