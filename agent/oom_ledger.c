#include "agent/oom_ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often the pods of the accounts are looked for. */
#define SWEEP_NS (10 * NS_PER_SECOND)

/* A container, as far as it is known: `name`, or its id when `named` is false. A unit has neither.
 */
struct identity {
	char uid[POD_UID_SIZE];
	char id[CONTAINER_ID_SIZE];
	char name[64]; /* a DNS label */
	bool named;
};

struct account {
	struct identity who;
	uint64_t kills; /* in cgroups that are gone */
	uint64_t shown; /* what was last said of the container */
	uint64_t seen_ns;
};

struct live {
	const struct cgroup *cgroup; /* NULL: the slot is free */
	struct identity who;
	uint64_t entered_ns;
	uint64_t kills;
	uint64_t shown;
	bool settled;
};

struct oom_ledger {
	struct live *lives; /* [slot] */
	uint32_t capacity;
	struct account *accounts; /* room for OOM_LEDGER_MAX once there is one */
	size_t account_count;
	uint64_t sweep_ns;
	struct telemetry_series *lost, *kept;
};

struct oom_ledger *oom_ledger_new(struct telemetry *telemetry)
{
	struct oom_ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return NULL;
	ledger->lost = telemetry_counter(telemetry, "tacho_agent_oom_kills_lost_total",
		"OOM kills of containers' earlier cgroups that there was no room to remember", NULL,
		NULL);
	ledger->kept = telemetry_gauge(telemetry, "tacho_agent_oom_accounts",
		"Containers whose earlier cgroups' OOM kills are remembered", NULL, NULL);
	return ledger;
}

void oom_ledger_free(struct oom_ledger *ledger)
{
	if (!ledger)
		return;
	free(ledger->lives);
	free(ledger->accounts);
	free(ledger);
}

static bool same_container(const struct identity *a, const struct identity *b)
{
	if (strcmp(a->uid, b->uid) != 0 || a->named != b->named)
		return false;
	return a->named ? strcmp(a->name, b->name) == 0 : strcmp(a->id, b->id) == 0;
}

static struct account *account_of(const struct oom_ledger *ledger, const struct identity *who)
{
	for (size_t i = 0; i < ledger->account_count; i++)
		if (same_container(&ledger->accounts[i].who, who))
			return &ledger->accounts[i];
	return NULL;
}

static bool pod_has_account(const struct oom_ledger *ledger, const char *uid)
{
	for (size_t i = 0; i < ledger->account_count; i++)
		if (strcmp(ledger->accounts[i].who.uid, uid) == 0)
			return true;
	return false;
}

static void identify(struct identity *who, const char *uid, const char *id)
{
	*who = (struct identity){0};
	(void)snprintf(who->uid, sizeof(who->uid), "%s", uid);
	(void)snprintf(who->id, sizeof(who->id), "%s", id);
	who->named = !*id; /* a unit is a pod of its own */
}

/* --- cgroups ---------------------------------------------------------------------------------- */

int oom_ledger_enter(struct oom_ledger *ledger, const struct cgroup *cgroup, uint64_t now_ns)
{
	uint32_t capacity = (cgroup->slot | 63) + 1;
	struct live *live;

	if (capacity > ledger->capacity) {
		struct live *lives = reallocarray(ledger->lives, capacity, sizeof(*lives));

		if (!lives)
			return -ENOMEM;
		memset(lives + ledger->capacity, 0, (capacity - ledger->capacity) * sizeof(*lives));
		ledger->lives = lives;
		ledger->capacity = capacity;
	}
	live = &ledger->lives[cgroup->slot];
	*live = (struct live){.cgroup = cgroup, .entered_ns = now_ns};
	identify(&live->who, cgroup->pod_uid, cgroup->container_id);
	return 0;
}

static struct live *live_of(const struct oom_ledger *ledger, const struct cgroup *cgroup)
{
	if (cgroup->slot >= ledger->capacity || ledger->lives[cgroup->slot].cgroup != cgroup)
		return NULL;
	return &ledger->lives[cgroup->slot];
}

void oom_ledger_note(struct oom_ledger *ledger, const struct cgroup *cgroup, uint64_t kills)
{
	struct live *live = live_of(ledger, cgroup);

	if (live && kills > live->kills)
		live->kills = kills;
}

static void enter_kills(struct oom_ledger *ledger, const struct identity *who, uint64_t kills,
	uint64_t shown, uint64_t now_ns)
{
	struct account *account = account_of(ledger, who);

	if (!account) {
		if (!ledger->accounts)
			ledger->accounts = calloc(OOM_LEDGER_MAX, sizeof(*ledger->accounts));
		if (!ledger->accounts || ledger->account_count == OOM_LEDGER_MAX) {
			telemetry_add(ledger->lost, kills);
			return;
		}
		account = &ledger->accounts[ledger->account_count++];
		*account = (struct account){.who = *who};
	}
	account->kills += kills;
	account->seen_ns = now_ns;
	if (shown > account->shown)
		account->shown = shown;
	telemetry_set(ledger->kept, ledger->account_count);
}

void oom_ledger_leave(struct oom_ledger *ledger, const struct cgroup *cgroup, uint64_t now_ns)
{
	struct live *live = live_of(ledger, cgroup);

	if (!live)
		return;
	/* A container that nobody was killed in needs no account. */
	if (live->kills > 0 || account_of(ledger, &live->who))
		enter_kills(ledger, &live->who, live->kills, live->shown, now_ns);
	*live = (struct live){0};
}

void oom_ledger_stray(struct oom_ledger *ledger, const char *pod_uid, const char *container_id,
	uint64_t kills, uint64_t now_ns)
{
	struct identity who;

	identify(&who, pod_uid, container_id);
	enter_kills(ledger, &who, kills, 0, now_ns);
}

/* --- names ------------------------------------------------------------------------------------ */

static bool give_name(struct identity *who, const char *name)
{
	if (!name || strlen(name) >= sizeof(who->name))
		return false;
	memcpy(who->name, name, strlen(name) + 1);
	who->named = true;
	return true;
}

/* An account that has its name now: another one may have it too. Returns false when it went into
 * that one. */
static bool join(struct oom_ledger *ledger, struct account *account)
{
	for (size_t i = 0; i < ledger->account_count; i++) {
		struct account *other = &ledger->accounts[i];

		if (other == account || !same_container(&other->who, &account->who))
			continue;
		other->kills += account->kills;
		if (account->shown > other->shown)
			other->shown = account->shown;
		if (account->seen_ns > other->seen_ns)
			other->seen_ns = account->seen_ns;
		return false;
	}
	return true;
}

static void remove_account(struct oom_ledger *ledger, size_t i)
{
	ledger->accounts[i] = ledger->accounts[--ledger->account_count];
	telemetry_set(ledger->kept, ledger->account_count);
}

void oom_ledger_name(struct oom_ledger *ledger,
	const char *(*name_of)(void *context, const char *pod_uid, const char *container_id),
	void *context)
{
	for (uint32_t slot = 0; slot < ledger->capacity; slot++) {
		struct identity *who = &ledger->lives[slot].who;

		if (ledger->lives[slot].cgroup && !who->named)
			(void)give_name(who, name_of(context, who->uid, who->id));
	}
	for (size_t i = 0; i < ledger->account_count;) {
		struct account *account = &ledger->accounts[i];
		struct identity *who = &account->who;

		if (!who->named && give_name(who, name_of(context, who->uid, who->id)) &&
			!join(ledger, account))
			remove_account(ledger, i);
		else
			i++;
	}
}

bool oom_ledger_unnamed(const struct oom_ledger *ledger)
{
	for (size_t i = 0; i < ledger->account_count; i++)
		if (!ledger->accounts[i].who.named)
			return true;
	return false;
}

/* --- figures ---------------------------------------------------------------------------------- */

bool oom_ledger_total(struct oom_ledger *ledger, const struct cgroup *cgroup, uint64_t now_ns,
	uint64_t *ret_total, uint64_t *ret_before)
{
	struct live *live = live_of(ledger, cgroup);
	const struct account *account;
	uint64_t total;

	if (!live)
		return false;
	if (!live->who.named && pod_has_account(ledger, live->who.uid) &&
		now_ns - live->entered_ns < OOM_LEDGER_NAMING_NS)
		return false;
	account = account_of(ledger, &live->who);
	total = live->kills + (account ? account->kills : 0);
	*ret_before = UINT64_MAX;
	if (!live->settled) {
		live->settled = true;
		*ret_before = account ? account->shown : 0;
	}
	/* A name that came late must not take back what was said. */
	live->shown = total > live->shown ? total : live->shown;
	*ret_total = live->shown;
	return true;
}

static bool pod_is_there(const struct oom_ledger *ledger, const char *uid)
{
	for (uint32_t slot = 0; slot < ledger->capacity; slot++)
		if (ledger->lives[slot].cgroup && strcmp(ledger->lives[slot].who.uid, uid) == 0)
			return true;
	return false;
}

void oom_ledger_forget(struct oom_ledger *ledger, uint64_t now_ns)
{
	if (now_ns < ledger->sweep_ns)
		return;
	ledger->sweep_ns = now_ns + SWEEP_NS;
	for (size_t i = 0; i < ledger->account_count;) {
		struct account *account = &ledger->accounts[i];

		if (pod_is_there(ledger, account->who.uid))
			account->seen_ns = now_ns;
		if (now_ns - account->seen_ns > OOM_LEDGER_KEEP_NS)
			remove_account(ledger, i);
		else
			i++;
	}
}

size_t oom_ledger_accounts(const struct oom_ledger *ledger)
{
	return ledger->account_count;
}
