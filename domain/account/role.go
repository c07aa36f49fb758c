package account

import "goniec/domain"

// The roles of a key. What each may do is a table of adapters/httpapi, drawn in
// docs/roles.md.
const (
	RoleClientAdmin  = "client-admin"  // of one account: its messages, opt-outs, senders, webhooks, billing
	RoleClientViewer = "client-viewer" // of one account: reads what is its own
	RoleOperator     = "operator"      // of the installation: accounts, senders, prices, pauses, what is parked
	RoleBilling      = "billing"       // of the installation: reads accounts and senders, closes months, credits and waivers
	RoleAuditor      = "auditor"       // of the installation: reads what holds no message's text and no number

	// RoleClient is the first name of RoleClientAdmin. Old events say it for ever,
	// and a command may; no new event does.
	RoleClient = "client"
)

// Roles lists the roles that a key may be issued for, those of clients first.
func Roles() []string {
	return []string{RoleClientAdmin, RoleClientViewer, RoleOperator, RoleBilling, RoleAuditor}
}

// RoleNow returns today's name of a role that an old event, or a caller, may call
// by its first name.
func RoleNow(role string) string {
	if role == RoleClient {
		return RoleClientAdmin
	}
	return role
}

// OfInstallation says whether keys of the role belong to the installation, and so
// are about all accounts.
func OfInstallation(role string) bool {
	return role == RoleOperator || role == RoleBilling || role == RoleAuditor
}

// CheckRole keeps the two sides apart: an installation's key is not of a client's
// account, and a client's key is never of the installation.
func CheckRole(account, role string) error {
	switch role = RoleNow(role); {
	case OfInstallation(role):
		if account != Installation {
			return domain.RefuseField(CodeInvalidValue, "role", "%s keys belong to account %s", role, Installation)
		}
	case role != RoleClientAdmin && role != RoleClientViewer:
		return domain.RefuseField(CodeInvalidValue, "role", "must be client-admin, client-viewer, operator, billing or auditor")
	case account == Installation:
		return domain.RefuseField(CodeInvalidValue, "role", "the installation has operator, billing and auditor keys only")
	}
	return nil
}
