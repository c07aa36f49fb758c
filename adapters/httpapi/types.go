package httpapi

import (
	"time"

	"goniec/domain/account"
	"goniec/domain/recipient"
)

// MessageRequest is the body of POST /v1/messages, as the client wrote it.
type MessageRequest struct {
	To        string      `json:"to" doc:"The recipient's number: international (+48500100201) or national of the installation's country." example:"+48500100201"`
	Sender    string      `json:"sender" doc:"Name of an active sender for the number's country." example:"GONIEC"`
	Category  string      `json:"category,omitempty" enum:"transactional,promotional,one_time_code" doc:"Required unless the account has a default."`
	Text      string      `json:"text" maxLength:"1000" doc:"At most 1000 Unicode code points after NFC." example:"Your parcel is on its way."`
	ImageURL  string      `json:"image_url,omitempty" maxLength:"2000" doc:"http or https. Makes the message promotional in price."`
	Button    *Button     `json:"button,omitempty" doc:"A button that opens a link. Makes the message promotional in price."`
	SMS       *SMSRequest `json:"sms,omitempty" doc:"The SMS's own text. Without it: the text, with the button's link appended."`
	Fallback  *bool       `json:"fallback,omitempty" doc:"Whether an SMS follows if Viber does not deliver in time. Default: true."`
	Validity  string      `json:"validity,omitempty" doc:"How long Viber is tried: a Go duration from 15s to 24h. Default: the account's." example:"10m"`
	ClientRef string      `json:"client_ref,omitempty" maxLength:"100" doc:"Your own reference; it may not hold the number."`
	Tags      []string    `json:"tags,omitempty" maxItems:"10" doc:"At most 10 of 64 characters; they may not hold the number."`
	SendAt    *time.Time  `json:"send_at,omitempty" doc:"Not before this time; at most 90 days ahead. The validity counts from then."`
	Test      bool        `json:"test,omitempty" doc:"Checked and recorded, never sent or charged."`
}

// Button opens a link; the zero value means none.
type Button struct {
	Text string `json:"text" maxLength:"30" example:"Track it"`
	URL  string `json:"url" maxLength:"2000" doc:"http or https." example:"https://example.com/t/17"`
}

// SMSRequest is the SMS's own text.
type SMSRequest struct {
	Text string `json:"text" doc:"At most as many parts as the account's sms_max_parts."`
}

// AcceptedBody answers a message that was taken in.
type AcceptedBody struct {
	ID             string     `json:"id" format:"uuid"`
	PricedCategory string     `json:"priced_category" doc:"promotional if there is an image or a button, whatever category says."`
	SMSParts       int        `json:"sms_parts" doc:"0 without fallback."`
	SendAt         *time.Time `json:"send_at,omitempty" doc:"When it goes, if not now."`
	Repeated       bool       `json:"repeated,omitempty" doc:"The same was accepted lately with this Idempotency-Key: it is not sent again. Absent does not say that it is new."`
}

// BatchRequest is the body of POST /v1/messages/batch and /preview.
type BatchRequest struct {
	Messages []MessageRequest `json:"messages" minItems:"1" maxItems:"10000"`
}

// BatchBody answers a batch, item by item in order.
type BatchBody struct {
	Accepted int          `json:"accepted"`
	Refused  int          `json:"refused"`
	Results  []ItemResult `json:"results"`
}

// ItemResult is either accepted (id) or refused (code, errors).
type ItemResult struct {
	Index          int          `json:"index" doc:"Counted from 0."`
	ID             string       `json:"id,omitempty" format:"uuid"`
	PricedCategory string       `json:"priced_category,omitempty"`
	SMSParts       int          `json:"sms_parts,omitempty"`
	Repeated       bool         `json:"repeated,omitempty" doc:"The same was accepted lately with this Idempotency-Key: it is not sent again. Absent does not say that it is new."`
	Code           string       `json:"code,omitempty" doc:"Of the first error."`
	Errors         []FieldError `json:"errors,omitempty"`
}

// PreviewBody answers POST /v1/messages/preview.
type PreviewBody struct {
	Results []PreviewItem `json:"results"`
}

// PreviewItem says what a message would become, or why it would be refused.
type PreviewItem struct {
	Index          int          `json:"index"`
	Country        string       `json:"country,omitempty"`
	PricedCategory string       `json:"priced_category,omitempty"`
	SMSParts       int          `json:"sms_parts,omitempty"`
	SMSEncoding    string       `json:"sms_encoding,omitempty"`
	ViberPrice     string       `json:"viber_price,omitempty" doc:"Charged if Viber delivers."`
	SMSPrice       string       `json:"sms_price,omitempty" doc:"Of all parts; charged if it goes as SMS."`
	Currency       string       `json:"currency,omitempty"`
	Code           string       `json:"code,omitempty"`
	Errors         []FieldError `json:"errors,omitempty"`
}

// Message is what is known of a message. It holds neither number nor text.
type Message struct {
	ID             string         `json:"id" format:"uuid"`
	State          string         `json:"state" enum:"accepted,waiting,sending,sent,delivered,read,failed,unknown,cancelled"`
	Ended          bool           `json:"ended" doc:"Nothing more is planned; a late report may still raise the state."`
	WaitsFor       string         `json:"waits_for,omitempty" enum:"release,answer,resume,retry,report,deadline" doc:"What comes next: its time (send_at), a carrier's answer, the end of a pause, the next try, a carrier's report, or the deadline. Absent when it has ended."`
	Channel        string         `json:"channel,omitempty" doc:"Of the first delivery."`
	Sender         string         `json:"sender"`
	Country        string         `json:"country"`
	Category       string         `json:"category"`
	PricedCategory string         `json:"priced_category,omitempty"`
	ClientRef      string         `json:"client_ref,omitempty"`
	Tags           []string       `json:"tags,omitempty"`
	Test           bool           `json:"test,omitempty"`
	AcceptedAt     time.Time      `json:"accepted_at"`
	SendAt         *time.Time     `json:"send_at,omitempty" doc:"When it goes, or went, if it had to wait."`
	Deadline       *time.Time     `json:"deadline,omitempty" doc:"When the fallback is due."`
	SMSParts       int            `json:"sms_parts,omitempty"`
	Reason         string         `json:"reason,omitempty" doc:"Why it failed, is unknown or waits."`
	FallbackReason string         `json:"fallback_reason,omitempty"`
	LateDelivery   bool           `json:"late_delivery"`
	DoubleDelivery bool           `json:"double_delivery"`
	Charges        []Charge       `json:"charges"`
	Timeline       []TimelineStep `json:"timeline,omitempty" doc:"Not in lists."`
}

// Charge is one charge of a message.
type Charge struct {
	Channel  string `json:"channel"`
	Parts    int    `json:"parts"`
	Amount   string `json:"amount" doc:"Decimal."`
	Currency string `json:"currency"`
}

// TimelineStep is one thing that happened to a message.
type TimelineStep struct {
	At      time.Time  `json:"at"`
	Type    string     `json:"type" doc:"Such as accepted, attempt_started, delivered, fell_back."`
	Channel string     `json:"channel,omitempty"`
	Code    string     `json:"code,omitempty" doc:"The carrier's own."`
	Reason  string     `json:"reason,omitempty"`
	Until   *time.Time `json:"until,omitempty" doc:"The release, the deadline or the next try that the step sets."`
}

// MessageList is one page.
type MessageList struct {
	Messages []Message `json:"messages"`
	Next     string    `json:"next,omitempty" doc:"cursor of the next page; absent on the last."`
}

// BillingBody is a month of an account.
type BillingBody struct {
	Month  string         `json:"month" example:"2026-11"`
	Lines  []BillingLine  `json:"lines"`
	Totals []BillingTotal `json:"totals" doc:"Sums of the lines, by currency."`
}

// BillingLine is one line of a month.
type BillingLine struct {
	Sender       string `json:"sender"`
	Country      string `json:"country"`
	Channel      string `json:"channel"`
	Category     string `json:"category" doc:"The priced one."`
	Content      string `json:"content,omitempty"`
	Count        int64  `json:"count"`
	Parts        int64  `json:"parts"`
	Amount       string `json:"amount" doc:"Decimal, rounded half up to 2 places."`
	Currency     string `json:"currency"`
	PriceVersion string `json:"price_version"`
}

// BillingTotal is the sum of the lines of one currency.
type BillingTotal struct {
	Currency string `json:"currency"`
	Amount   string `json:"amount"`
}

// OptOutRequest is the body of POST /v1/opt-outs and /v1/opt-outs/lift.
type OptOutRequest struct {
	To     string            `json:"to" example:"+48500100201"`
	Scopes []recipient.Scope `json:"scopes,omitempty" maxItems:"6" doc:"What it stops, or opens again. Without it: everything but one-time codes; lifting: everything."`
}

// ChangedBody answers a command that may repeat what is so already.
type ChangedBody struct {
	Changed bool `json:"changed" doc:"false: it was so already."`
}

// WebhookRequest is the body of POST /v1/webhooks.
type WebhookRequest struct {
	URL    string   `json:"url" maxLength:"2048" example:"https://example.com/goniec"`
	Events []string `json:"events,omitempty" doc:"Such as message.delivered; none = all."`
}

// Webhook is a registered endpoint.
type Webhook struct {
	ID     string    `json:"id" format:"uuid"`
	URL    string    `json:"url"`
	Events []string  `json:"events" doc:"Empty = all."`
	Added  time.Time `json:"added"`
	Secret string    `json:"secret,omitempty" doc:"Standard Webhooks signing secret; shown once, on creation."`
}

// WebhookList is all endpoints of an account.
type WebhookList struct {
	Webhooks []Webhook `json:"webhooks"`
}

// WebhookAttempt is one call of an endpoint.
type WebhookAttempt struct {
	EventID  string     `json:"event_id"`
	Type     string     `json:"type"`
	At       time.Time  `json:"at"`
	Attempt  int        `json:"attempt" doc:"Counted from 1."`
	Status   int        `json:"status,omitempty" doc:"HTTP status; 0 without an answer."`
	Error    string     `json:"error,omitempty"`
	Duration int64      `json:"duration_ms"`
	Next     *time.Time `json:"next_attempt,omitempty" doc:"When it is tried again."`
	Done     bool       `json:"done" doc:"Delivered, or given up."`
}

// WebhookLog is a page of attempts, newest first.
type WebhookLog struct {
	Attempts []WebhookAttempt `json:"attempts"`
	Next     string           `json:"next,omitempty" doc:"cursor of the next page; absent on the last."`
}

// ResentBody names the event that was queued.
type ResentBody struct {
	EventID string `json:"event_id"`
}

// ResendRequest is the body of POST /v1/webhooks/{id}/resend.
type ResendRequest struct {
	EventID string `json:"event_id"`
}

// AccountRequest is the body of POST /v1/accounts.
type AccountRequest struct {
	ID       string            `json:"id,omitempty" format:"uuid" doc:"Makes a repeat harmless. Default: a new one."`
	Name     string            `json:"name" maxLength:"100"`
	Currency string            `json:"currency,omitempty" example:"PLN"`
	Settings *account.Settings `json:"settings,omitempty" doc:"What is absent has its default."`
}

// AccountBody is an account.
type AccountBody struct {
	ID       string           `json:"id" format:"uuid"`
	Name     string           `json:"name"`
	Currency string           `json:"currency"`
	Settings account.Settings `json:"settings"`
}

// AccountList is all accounts.
type AccountList struct {
	Accounts []AccountBody `json:"accounts"`
}

// KeyRequest is the body of POST /v1/accounts/{id}/keys.
type KeyRequest struct {
	Role  string `json:"role,omitempty" enum:"client-admin,client-viewer,operator,billing,auditor" doc:"Default: client-admin; operator for the installation's own account. client is an older name of client-admin."`
	Label string `json:"label" maxLength:"100"`
}

// KeyBody is a new key; the secret is shown this once.
type KeyBody struct {
	ID    string `json:"id" format:"uuid"`
	Key   string `json:"key"`
	Role  string `json:"role"`
	Label string `json:"label"`
}

// SenderRequest is the body of POST /v1/senders.
type SenderRequest struct {
	Account string `json:"account,omitempty" format:"uuid" doc:"Required of operators; a client's is its own."`
	Name    string `json:"name,omitempty" maxLength:"20" doc:"Shown on Viber: letters, digits, inner single spaces, . - & Default: the company name. It cannot be changed afterwards."`
	Company string `json:"company" maxLength:"11" doc:"Letters A-Z, a-z and digits; also the SMS sender unless the account has one."`
	Country string `json:"country,omitempty" doc:"Destination, ISO 3166-1 alpha-2. Default: PL. It cannot be changed afterwards." example:"PL"`
	TwoWay  bool   `json:"two_way,omitempty"`

	AcceptRegulations int64 `json:"accept_regulations,omitempty" doc:"The version of the regulations that is accepted herewith. Required unless none is in force or the account has accepted it before."`
}

// FormRequest is the body of PATCH /v1/senders/{id}: what is absent stays as it is,
// what is empty is taken away.
type FormRequest struct {
	Company       *string   `json:"company,omitempty" maxLength:"11"`
	RegisteredIn  *string   `json:"registered_in,omitempty" doc:"Country of the entity's registration, ISO 3166-1 alpha-2." example:"PL"`
	Type          *string   `json:"type,omitempty" maxLength:"500" doc:"Description of the notification type, such as finance, sales, official information."`
	Kind          *string   `json:"kind,omitempty" maxLength:"500" doc:"Description of the notification kind, such as promotions, debt collection, one-time codes, personalised notifications."`
	Communication *string   `json:"communication,omitempty" enum:"1way,2way,both"`
	Samples       *[]string `json:"samples,omitempty" maxItems:"10" doc:"Messages sent so far by other channels, at most 1000 characters each; all of them. They are kept for ever: no recipient's data belongs in them."`
	NoticeEmail   *string   `json:"notice_email,omitempty" maxLength:"254" doc:"Where notices go."`
	Logo          *string   `json:"logo,omitempty" doc:"The file in base64: JPG, GIF (not animated) or PNG of exactly 200×200 pixels, at most 500 KB. It is written anew without metadata; the digest in the form is that of what is kept."`
}

// SenderBody is a configuration.
type SenderBody struct {
	ID        string     `json:"id" format:"uuid"`
	Account   string     `json:"account" format:"uuid"`
	Name      string     `json:"name"`
	Company   string     `json:"company"`
	Country   string     `json:"country"`
	TwoWay    bool       `json:"two_way"`
	State     string     `json:"state" enum:"new,submitted,active,disabled"`
	ServiceID int64      `json:"service_id,omitempty"`
	ActiveOn  *time.Time `json:"active_on,omitempty"`
	Reasons   []string   `json:"reasons,omitempty" doc:"Why it was returned."`

	Version    int64           `json:"version" doc:"Also the ETag, for If-Match."`
	Missing    []account.Item  `json:"missing" doc:"What the form lacks for its next submission; none: it may be submitted, or there is nothing to submit."`
	Form       *account.Form   `json:"form,omitempty" doc:"Not in lists."`
	Follows    *FollowsBody    `json:"follows,omitempty" doc:"What follows the submission, until it is active. Not in lists."`
	Submission *SubmissionBody `json:"submission,omitempty" doc:"The last one. Not in lists."`
	PassedOn   *time.Time      `json:"passed_on,omitempty" doc:"When Viber got the submission: it cannot be withdrawn any more."`
	Reference  string          `json:"reference,omitempty" doc:"Viber's, of the submission."`
	Change     *ChangeBody     `json:"change,omitempty" doc:"The next version of an active sender: the old one works meanwhile. Not in lists."`
	Notice     *NoticeBody     `json:"notice,omitempty" doc:"Its end was asked for; until then it works."`
	Enabling   *EnablingBody   `json:"enabling,omitempty" doc:"It was asked to be on again; it is active when the operator has confirmed."`
	Suspended  *SuspendedBody  `json:"suspended,omitempty" doc:"It sends nothing until an operator lifts this."`
	Closed     bool            `json:"closed,omitempty" doc:"For good."`
	Task       *TaskBody       `json:"task,omitempty" doc:"What the operator has to do at Viber."`
	Switches   *SwitchesBody   `json:"switches,omitempty" doc:"How often it can still be switched this year. Not in lists."`
	Traffic    *SenderTraffic  `json:"traffic,omitempty" doc:"The current month's minimum and traffic on Viber. Absent before the activation, in answers to changes, and while read models do not answer."`
	LooksLike  []LookAlike     `json:"looks_like,omitempty" doc:"For operators: other accounts' senders whose names may be taken for this one's."`
}

// FollowsBody is what follows a submission (rules.md B6).
type FollowsBody struct {
	Withdrawable        bool             `json:"withdrawable" doc:"From the submission on nothing of the form can be changed; until it is passed on to Viber the submission can be withdrawn."`
	VerificationDaysMin int              `json:"verification_working_days_min" example:"7" doc:"Working days that Viber's verification is expected to take, counted from the day it is passed on."`
	VerificationDays    int              `json:"verification_working_days_max" example:"14"`
	ActivationDaysMin   int              `json:"activation_days_min" example:"14" doc:"Days that the activation of the name is expected to take, from then."`
	ActivationDays      int              `json:"activation_days_max" example:"28"`
	MinimumFrom         string           `json:"minimum_from" example:"2027-01" doc:"The first month that can have a minimum: the one after the activation, if Viber takes the shortest time."`
	Minimum             *account.Minimum `json:"minimum" doc:"By the regulations that are in force then; null when they have none for its country and the account's currency."`
}

// SubmissionBody is a form as it was submitted.
type SubmissionBody struct {
	Number  int           `json:"number" doc:"1, 2, … within the configuration."`
	At      time.Time     `json:"at"`
	Form    *account.Form `json:"form,omitempty" doc:"As it was frozen; absent before forms were kept."`
	Changed []string      `json:"changed" doc:"Fields of the form that differ by now."`
}

// SenderTraffic is a sender's month on Viber, with the one before.
type SenderTraffic struct {
	Month           string `json:"month" example:"2026-11"`
	Currency        string `json:"currency" example:"PLN"`
	Free            string `json:"free,omitempty" enum:"not_active,activation_month,waived,no_minimum,other_currency" doc:"Why no minimum is owed."`
	Minimum         string `json:"minimum,omitempty" example:"300.00" doc:"What is owed at least; of a sender name's countries together where the terms say so."`
	MinimumMessages int64  `json:"minimum_messages,omitempty" doc:"Where messages are counted: how many are enough."`
	Messages        int64  `json:"messages"`
	Amount          string `json:"amount" example:"120.50"`
	LastMessages    int64  `json:"last_messages" doc:"Of the month before."`
	LastAmount      string `json:"last_amount" example:"310.00"`
}

// LookAlike is a sender that may be taken for another.
type LookAlike struct {
	ID      string `json:"id" format:"uuid"`
	Account string `json:"account" format:"uuid"`
	Name    string `json:"name"`
}

// SenderList is the senders one may see.
type SenderList struct {
	Senders []SenderBody `json:"senders"`
}

// ApproveRequest is the body of POST /v1/senders/{id}/approve.
type ApproveRequest struct {
	ServiceID int64      `json:"service_id,omitempty" doc:"Viber's. Of a new version of an active sender: only if it changes."`
	ActiveOn  *time.Time `json:"active_on,omitempty" doc:"Not before the submission; default now."`
}

// ReturnRequest is the body of POST /v1/senders/{id}/return.
type ReturnRequest struct {
	Reasons []string `json:"reasons" minItems:"1" maxItems:"20"`
}

// PassRequest is the body of POST /v1/senders/{id}/pass.
type PassRequest struct {
	On        *time.Time `json:"on,omitempty" doc:"When Viber got it: not before the submission; default now."`
	Reference string     `json:"reference,omitempty" maxLength:"100" doc:"Viber's."`
}

// DisableRequest is the body of POST /v1/senders/{id}/disable.
type DisableRequest struct {
	Reason string `json:"reason" maxLength:"500"`
	Month  string `json:"month,omitempty" example:"2026-12" doc:"With whose end it ends. Default: the current month, if there is time (7 days); a later one is only taken when it is named, which confirms that its minimum applies."`
	Close  bool   `json:"close,omitempty" doc:"For good: final, and not one of the two times a year."`
}

// EnableRequest is the body of POST /v1/senders/{id}/enable.
type EnableRequest struct {
	Month            string `json:"month,omitempty" example:"2027-01" doc:"From whose first day it is on; default: the next month."`
	AsSoonAsPossible bool   `json:"as_soon_as_possible,omitempty" doc:"Instead: when the operator has confirmed. The minimum of that month applies in full."`
}

// ReasonRequest is the body of a step that needs a reason.
type ReasonRequest struct {
	Reason string `json:"reason" maxLength:"500"`
}

// ChangeBody is the next version of an active sender's form.
type ChangeBody struct {
	Form        account.Form `json:"form"`
	UnderReview bool         `json:"under_review"`
	Reasons     []string     `json:"reasons,omitempty" doc:"Why it was returned."`
	Changed     []string     `json:"changed" doc:"Fields of the form that differ from what works."`
}

// NoticeBody is the end that was asked for.
type NoticeBody struct {
	Month  string    `json:"month" example:"2026-11" doc:"The last month; its minimum applies."`
	Effect time.Time `json:"effect" doc:"The first instant at which it is off."`
	Close  bool      `json:"close,omitempty" doc:"For good."`
	Reason string    `json:"reason"`
}

// EnablingBody is the beginning that was asked for.
type EnablingBody struct {
	From             string `json:"from" example:"2027-01-01"`
	AsSoonAsPossible bool   `json:"as_soon_as_possible,omitempty"`
}

// SuspendedBody is a suspension that is not lifted.
type SuspendedBody struct {
	Since  time.Time `json:"since"`
	By     string    `json:"by" enum:"operator,carrier"`
	Reason string    `json:"reason"`
}

// TaskBody is an operator's task.
type TaskBody struct {
	Kind    string    `json:"kind" enum:"pass,verify,activate_prefix,switch_off,switch_on"`
	Due     time.Time `json:"due,omitzero" doc:"Absent: there is no date for it."`
	Overdue bool      `json:"overdue,omitempty"`
}

// SwitchesBody counts what is left of the two times a year (calendar year of the billing zone).
type SwitchesBody struct {
	Off int `json:"off"`
	On  int `json:"on"`
}

// TaskList is what operators have to do, the most urgent first.
type TaskList struct {
	Tasks []SenderTask `json:"tasks"`
}

// SenderTask is a task with its sender.
type SenderTask struct {
	TaskBody
	Sender  string `json:"sender" format:"uuid"`
	Account string `json:"account" format:"uuid"`
	Name    string `json:"name"`
	Country string `json:"country"`
}

// PauseRequest is the body of POST /v1/pause and /v1/resume.
type PauseRequest struct {
	Scope   string `json:"scope" enum:"account,sender,route,all"`
	Account string `json:"account,omitempty" format:"uuid" doc:"Of scope account; of scope sender when sender is a name."`
	Sender  string `json:"sender,omitempty" doc:"Of scope sender: a configuration's id or, with account, a sender name in every country."`
	Route   string `json:"route,omitempty" enum:"viber,sms" doc:"Of scope route."`
	Reason  string `json:"reason" maxLength:"500" doc:"Why; it is kept in the history."`
}

// SwitchBody answers a pause or a resume.
type SwitchBody struct {
	Switch  string `json:"switch" doc:"As it stands in events and refusals." example:"route/viber"`
	Paused  bool   `json:"paused"`
	Changed bool   `json:"changed" doc:"False when it was so already."`
}

// PauseList is what is paused.
type PauseList struct {
	Pauses []PauseBody `json:"pauses"`
}

// PauseBody is one switch that is on.
type PauseBody struct {
	Switch  string    `json:"switch" example:"route/viber"`
	Scope   string    `json:"scope" enum:"account,sender,route,all"`
	Account string    `json:"account,omitempty"`
	Sender  string    `json:"sender,omitempty"`
	Route   string    `json:"route,omitempty"`
	Reason  string    `json:"reason"`
	By      string    `json:"by" doc:"Whose key." example:"key:0b7f3c1a-8e52-4d0e-9a6f-2f1f5a1c0003"`
	Since   time.Time `json:"since"`
}

// UnknownList is what nobody knows the outcome of.
type UnknownList struct {
	Attempts []UnknownAttempt `json:"attempts"`
}

// UnknownAttempt is an attempt of which nobody knows whether the carrier took it.
type UnknownAttempt struct {
	Message   string    `json:"message" format:"uuid"`
	Attempt   string    `json:"attempt" format:"uuid"`
	Account   string    `json:"account" format:"uuid"`
	State     string    `json:"state" doc:"Of the message."`
	Country   string    `json:"country"`
	Sender    string    `json:"sender"`
	ClientRef string    `json:"client_ref,omitempty"`
	Channel   string    `json:"channel" enum:"viber,sms"`
	Route     string    `json:"route"`
	Since     time.Time `json:"since"`
	Reason    string    `json:"reason" doc:"Why it is unknown." example:"timeout"`
	Code      string    `json:"code,omitempty" doc:"The carrier's."`
}

// ResolveRequest is the body of POST /v1/unknown/{id}/resolve.
type ResolveRequest struct {
	Attempt string `json:"attempt,omitempty" format:"uuid" doc:"Required when the message has several attempts of unknown outcome."`
	As      string `json:"as" enum:"sent,not_sent,send_sms"`
	Reason  string `json:"reason" maxLength:"500" doc:"How this is known; it is kept in the history, and may hold nothing personal."`
}

// UnmatchedList is what carriers reported that fits nothing.
type UnmatchedList struct {
	Reports []UnmatchedReport `json:"reports"`
}

// UnmatchedReport is a carrier's report that fits no attempt.
type UnmatchedReport struct {
	ID        string    `json:"id"`
	Route     string    `json:"route"`
	Channel   string    `json:"channel" enum:"viber,sms"`
	ServiceID int64     `json:"service_id,omitempty" doc:"Viber's."`
	CarrierID string    `json:"carrier_id"`
	Status    string    `json:"status" example:"delivered"`
	Code      string    `json:"code,omitempty"`
	At        time.Time `json:"at" doc:"The carrier's time."`
	Received  time.Time `json:"received_at"`
	Why       string    `json:"why" enum:"in_flight,several_unknown,no_attempt" doc:"Why it fitted nothing when it came: an attempt to its number was under way (and turned out to be another one), several had an unknown outcome, or there was none with its id and none in doubt."`
}
