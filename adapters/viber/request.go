package viber

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"unicode/utf8"

	"goniec/domain"
)

// Viber's own bounds.
const (
	MaxText    = 1000      // code points of a text
	MaxCaption = 30        // code points of a button's caption
	MinTTL     = 30        // seconds
	MaxTTL     = 1_209_600 // seconds: 14 days

	maxURL = 2000 // bytes of an image's or a button's address
	maxTag = 100  // bytes of tag and tracking data
)

// The message types that are used. 1xx cannot be answered, 2xx can and carry
// tracking data.
const (
	typeText        = 106
	typeImage       = 107
	typeImageButton = 108
	typeTextButton  = 109
	typePromoText2  = 225 // promotional text that can be answered
	twoWay          = 100 // added to a 1xx type
)

const (
	labelTransaction = "transaction"
	labelPromotion   = "promotion"
)

// Submission is one attempt to send one message.
type Submission struct {
	Attempt   string          // our attempt id; sent as tag, and as tracking data where replies are possible
	ServiceID int64           // the sender at Viber
	Number    string          // E.164, with +
	Seq       int64           // correlation number that the answer must repeat; 0 is fine
	Label     domain.Category // the priced category: promotional content is labelled so (rules.md D2)
	TTLSec    int             // how long Viber keeps trying, MinTTL to MaxTTL
	TwoWay    bool            // the recipient can answer
	Text      string          // at most MaxText code points; may be empty if ImageURL is set
	ImageURL  string
	Button    Button
}

// Button opens a link. The zero value means none.
type Button struct {
	Caption string // at most MaxCaption code points
	URL     string
}

// wireRequest keeps the order of the fields of the published examples.
type wireRequest struct {
	ServiceID int64       `json:"service_id"`
	Dest      string      `json:"dest"`
	Seq       int64       `json:"seq"`
	Type      int         `json:"type"`
	Label     string      `json:"label"`
	TTL       int         `json:"ttl"`
	Tag       string      `json:"tag,omitempty"`
	Message   wireMessage `json:"message"`
}

type wireMessage struct {
	Text     string  `json:"#txt,omitempty"`
	Image    string  `json:"#img,omitempty"`
	Caption  string  `json:"#caption,omitempty"`
	Action   string  `json:"#action,omitempty"`
	Tracking *string `json:"#tracking_data,omitempty"`
}

// Validate refuses what Viber would refuse for its shape alone. The error is a
// *domain.Error that names the field and never shows its value.
func (s Submission) Validate() error {
	switch {
	case s.ServiceID <= 0:
		return domain.RefuseField("invalid", "service_id", "must be positive")
	case !validE164(s.Number):
		return domain.RefuseField("invalid", "number", "must be + and 7 to 15 digits")
	case !s.Label.Valid():
		return domain.RefuseField("invalid", "label", "is not a category")
	case s.TTLSec < MinTTL || s.TTLSec > MaxTTL:
		return domain.RefuseField("invalid", "ttl", "must be %d to %d seconds", MinTTL, MaxTTL)
	case len(s.Attempt) > maxTag:
		return domain.RefuseField("invalid", "attempt", "must not exceed %d bytes", maxTag)
	}
	return s.validateContent()
}

func (s Submission) validateContent() error {
	switch {
	case s.Text == "" && s.ImageURL == "":
		return domain.RefuseField("invalid", "text", "is empty")
	case !utf8.ValidString(s.Text) || utf8.RuneCountInString(s.Text) > MaxText:
		return domain.RefuseField("invalid", "text", "must be UTF-8 of at most %d characters", MaxText)
	case s.ImageURL != "" && !validLink(s.ImageURL):
		return domain.RefuseField("invalid", "image_url", "must be an http or https address")
	case (s.Button.Caption == "") != (s.Button.URL == ""):
		return domain.RefuseField("invalid", "button", "needs both a caption and an address")
	case s.Button.URL != "" && !validLink(s.Button.URL):
		return domain.RefuseField("invalid", "button.url", "must be an http or https address")
	case utf8.RuneCountInString(s.Button.Caption) > MaxCaption:
		return domain.RefuseField("invalid", "button.caption", "must not exceed %d characters", MaxCaption)
	case s.Button.URL != "" && s.Text == "":
		return domain.RefuseField("invalid", "text", "a button needs a text")
	}
	return nil
}

// encode builds the exact body. pictureCaption captions the button of a text
// with an image but no button of its own: Viber has no such type, so the
// button opens the image.
func (s Submission) encode(pictureCaption string) ([]byte, error) {
	if s.ImageURL != "" && s.Text != "" && s.Button.URL == "" {
		s.Button = Button{Caption: pictureCaption, URL: s.ImageURL}
	}
	w := wireRequest{
		ServiceID: s.ServiceID, Dest: strings.TrimPrefix(s.Number, "+"), Seq: s.Seq,
		Type: s.wireType(), Label: s.wireLabel(), TTL: s.TTLSec, Tag: s.Attempt,
		Message: wireMessage{Text: s.Text, Image: s.ImageURL, Caption: s.Button.Caption, Action: s.Button.URL},
	}
	if w.Type >= typeText+twoWay {
		w.Message.Tracking = &s.Attempt
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(w); err != nil {
		return nil, err
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}

func (s Submission) wireType() int {
	t := typeText
	switch {
	case s.ImageURL != "" && s.Button.URL != "":
		t = typeImageButton
	case s.ImageURL != "":
		t = typeImage
	case s.Button.URL != "":
		t = typeTextButton
	case s.TwoWay && s.Label == domain.Promotional:
		return typePromoText2
	}
	if s.TwoWay {
		t += twoWay
	}
	return t
}

func (s Submission) wireLabel() string {
	if s.Label == domain.Promotional {
		return labelPromotion
	}
	return labelTransaction
}

func validE164(n string) bool {
	return strings.HasPrefix(n, "+") && validDigits(n[1:]) && n[1] != '0'
}

func validDigits(d string) bool {
	if len(d) < 7 || len(d) > 15 {
		return false
	}
	return strings.Trim(d, "0123456789") == ""
}

func validLink(raw string) bool {
	if len(raw) > maxURL {
		return false
	}
	u, err := url.Parse(raw)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}
