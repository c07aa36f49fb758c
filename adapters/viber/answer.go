package viber

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

var errUnreadable = errors.New("viber: the answer cannot be read")

// wireAnswer is what send_message answers. Fields that are not used (session,
// template) are tolerated.
type wireAnswer struct {
	Status *int   `json:"status"`
	Seq    *int64 `json:"seq"`
	Token  token  `json:"message_token"`
}

// parseAnswer is strict where a mistake costs a message: no status, another
// call's seq, a success without a token, or anything after the object make the
// whole answer unreadable, which means an unknown outcome.
func parseAnswer(body []byte, seq int64) (status int, id string, err error) {
	var a wireAnswer
	switch err := json.Unmarshal(body, &a); {
	case err != nil:
		return 0, "", errUnreadable
	case a.Status == nil:
		return 0, "", fmt.Errorf("%w: no status", errUnreadable)
	case a.Seq != nil && *a.Seq != seq:
		return 0, "", fmt.Errorf("%w: another seq", errUnreadable)
	case *a.Status == 0 && a.Token == "":
		return 0, "", fmt.Errorf("%w: no message_token", errUnreadable)
	}
	return *a.Status, string(a.Token), nil
}

const maxToken = 64

// token is Viber's id of a message. It comes as a string or as a number too
// big for a float; either way its digits are kept as they are.
type token string

// UnmarshalJSON implements json.Unmarshaler.
func (t *token) UnmarshalJSON(raw []byte) error {
	s := string(raw)
	if s == "null" {
		return nil
	}
	if strings.HasPrefix(s, `"`) {
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
	} else if strings.Trim(s, "0123456789") != "" {
		return errors.New("viber: message_token is neither a string nor a whole number")
	}
	if !validToken(s) {
		return errors.New("viber: message_token is malformed")
	}
	*t = token(s)
	return nil
}

func validToken(s string) bool {
	if len(s) > maxToken {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
