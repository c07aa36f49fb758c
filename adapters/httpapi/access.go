package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"goniec/domain"
	"goniec/domain/account"
)

// The roles of keys, short for the table.
const (
	admin    = account.RoleClientAdmin
	viewer   = account.RoleClientViewer
	operator = account.RoleOperator
	billing  = account.RoleBilling
	auditor  = account.RoleAuditor
)

// access says of each operation which roles may call it; docs/roles.md shows it.
// An operation without a line is not registered, and New fails. Whoever is not named
// is refused: also a role that only a newer build knows. A client's key is about its
// own account, whatever it may call.
var access = map[string][]string{
	"send-message":   {admin},
	"send-batch":     {admin},
	"preview-batch":  {admin},
	"list-messages":  {admin, viewer},
	"get-message":    {admin, viewer},
	"cancel-message": {admin},

	"opt-out":      {admin},
	"lift-opt-out": {admin},

	"search-messages": {admin, viewer},
	"report-traffic":  {admin, viewer},
	"report-times":    {admin, viewer},
	"report-doubles":  {admin, viewer},

	"get-billing":    {admin, viewer, operator, billing, auditor},
	"get-statement":  {admin, viewer, operator, billing, auditor},
	"get-forecast":   {admin, viewer, operator, billing, auditor},
	"get-party":      {admin, viewer, operator, billing, auditor},
	"set-party":      {operator, billing},
	"close-month":    {operator, billing},
	"request-credit": {operator, billing},
	"approve-credit": {operator, billing},
	"reject-credit":  {operator, billing},
	"waive-minimum":  {operator, billing},

	"list-senders":    {admin, viewer, operator, billing, auditor},
	"get-sender-logo": {admin, viewer, operator, billing, auditor},
	"get-sender":      {admin, viewer, operator, billing, auditor},
	"create-sender":   {admin, operator},
	"save-sender":     {admin, operator},
	"submit-sender":   {admin, operator},
	"withdraw-sender": {admin, operator},
	"pass-sender":     {operator},
	"approve-sender":  {operator},
	"return-sender":   {operator},
	"confirm-sender":  {operator},
	"suspend-sender":  {operator},
	"lift-suspension": {operator},
	"list-tasks":      {operator, auditor},

	"disable-sender":   {admin, operator},
	"withdraw-disable": {admin, operator},
	"enable-sender":    {admin, operator},
	"withdraw-enable":  {admin, operator},

	"list-regulations":     {admin, viewer, operator, billing, auditor},
	"get-regulations-text": {admin, viewer, operator, billing, auditor},
	"accept-regulations":   {admin},
	"preview-regulations":  {operator},
	"publish-regulations":  {operator},

	"add-webhook":    {admin},
	"list-webhooks":  {admin, viewer, auditor},
	"remove-webhook": {admin},
	"test-webhook":   {admin},
	"webhook-log":    {admin, viewer},
	"resend-webhook": {admin},

	"create-account": {operator},
	"list-accounts":  {operator, billing, auditor},
	"set-account":    {operator},
	"issue-key":      {operator},
	"revoke-key":     {operator},
	"list-prices":    {operator, billing, auditor},
	"preview-prices": {operator},
	"publish-prices": {operator},

	"list-pauses": {operator, auditor},
	"pause":       {operator},
	"resume":      {operator},

	"list-parked":  {operator, auditor},
	"get-parked":   {operator, auditor},
	"show-parked":  {operator}, // opens what may hold a text or a number
	"retry-parked": {operator},
	"drop-parked":  {operator},

	"export-person": {operator}, // opens texts and numbers
	"erase-person":  {operator},

	"list-unknown":    {operator, auditor},
	"resolve-unknown": {operator},
	"list-unmatched":  {operator, auditor},
}

// permitted finds an operation's line of the table.
func permitted(id string) ([]string, error) {
	roles := access[id]
	if len(roles) == 0 {
		return nil, fmt.Errorf("httpapi: operation %s has no line in the table access", id)
	}
	return roles, nil
}

// guard answers 403 when the key's role is none of those, before anything of the
// request is looked at.
func guard(roles []string) func(huma.Context, func(huma.Context)) {
	refusal := problem(http.StatusForbidden, CodeWrongRole, "this needs a key of role "+orList(roles))
	return func(ctx huma.Context, next func(huma.Context)) {
		c := callOf(ctx.Context())
		if !slices.Contains(roles, c.key.Role) {
			refusal.write(c.w)
			return
		}
		next(ctx)
	}
}

// orList is "a", "a or b", "a, b or c".
func orList(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// security names the roles in the document: any one of them will do.
func security(roles []string) []map[string][]string {
	out := make([]map[string][]string, len(roles))
	for i, role := range roles {
		out[i] = map[string][]string{"key": {role}}
	}
	return out
}

// everywhere says whether the key is about all accounts.
func (c *call) everywhere() bool { return account.OfInstallation(c.key.Role) }

// accountParam lets a key of the installation name the account that it asks about.
type accountParam struct {
	Account string `query:"account" format:"uuid" doc:"Required with a key of the installation; a client's own account otherwise."`
}

// accountOf is the account that a request is about: the client's own, or the one that
// a key of the installation names. Another client's is told as one that does not exist.
func (a *API) accountOf(c *call, asked string) (string, error) {
	if !c.everywhere() {
		if asked != "" && asked != c.key.Account {
			return "", ErrNotFound
		}
		return c.key.Account, nil
	}
	if asked == "" {
		return "", domain.RefuseField(CodeRequired, "account", "is required with a key of the installation")
	}
	return asked, a.known(asked)
}
