-- Consents, their keys, their tokens, and what is told of them.

CREATE TABLE consents (
    consent_id             uuid        NOT NULL,
    -- Raised by every move after which what was fetched before must not land.
    epoch                  bigint      NOT NULL,
    tenant_id              text        NOT NULL,
    user_id                text        NOT NULL,
    institution_id         text        NOT NULL,
    baskets                text[]      NOT NULL,
    expires_at             timestamptz NOT NULL,
    -- No transaction of an earlier day is stored under this consent.
    history_from           date,
    -- Ours. The institution's own status is kept apart and never decides anything here.
    status                 text        NOT NULL,
    institution_consent_id text,
    institution_status     text,
    institution_seen_at    timestamptz,
    created_at             timestamptz NOT NULL,
    authorised_at          timestamptz,
    status_changed_at      timestamptz NOT NULL,
    erased_at              timestamptz,
    deleted_rows           bigint,
    CONSTRAINT consents_pkey PRIMARY KEY (consent_id),
    CONSTRAINT consents_status_known CHECK (status IN (
        'awaiting_authorisation', 'active', 'denied', 'failed', 'needs_reauthorisation', 'expired', 'revoked',
        'superseded'))
);

-- A customer's consents: every read begins here.
CREATE INDEX consents_by_user ON consents (tenant_id, user_id);
-- The tenant's list, newest first.
CREATE INDEX consents_by_age ON consents (tenant_id, created_at DESC, consent_id DESC);
-- Those that can still expire.
CREATE INDEX consents_by_end ON consents (expires_at)
    WHERE status IN ('awaiting_authorisation', 'active', 'needs_reauthorisation', 'superseded');
-- Those whose authorisation may be overdue.
CREATE INDEX consents_unauthorised ON consents (created_at) WHERE status = 'awaiting_authorisation';

-- One key per consent, wrapped by a master key whose id stands in front. NULL once destroyed: then everything that was
-- sealed with it is unreadable for ever.
CREATE TABLE data_keys (
    consent_id   uuid        NOT NULL,
    wrapped      bytea,
    created_at   timestamptz NOT NULL,
    destroyed_at timestamptz,
    CONSTRAINT data_keys_pkey PRIMARY KEY (consent_id),
    CONSTRAINT data_keys_consent FOREIGN KEY (consent_id) REFERENCES consents (consent_id),
    CONSTRAINT data_keys_destroyed CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);

-- A customer's way to the institution and back. Used ones stay without their secrets, so that a second return is
-- told from a made-up one.
CREATE TABLE authorisations (
    state_hash   bytea       NOT NULL,
    consent_id   uuid        NOT NULL,
    browser_hash bytea       NOT NULL,
    secrets      bytea       NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz,
    CONSTRAINT authorisations_pkey PRIMARY KEY (state_hash),
    CONSTRAINT authorisations_consent FOREIGN KEY (consent_id) REFERENCES consents (consent_id)
);

CREATE INDEX authorisations_by_consent ON authorisations (consent_id);

-- The institution's tokens, sealed with the consent's data key.
CREATE TABLE tokens (
    consent_id         uuid        NOT NULL,
    sealed             bytea       NOT NULL,
    access_expires_at  timestamptz NOT NULL,
    refresh_expires_at timestamptz,
    saved_at           timestamptz NOT NULL,
    -- One worker refreshes at a time.
    refreshing_until   timestamptz,
    CONSTRAINT tokens_pkey PRIMARY KEY (consent_id),
    CONSTRAINT tokens_consent FOREIGN KEY (consent_id) REFERENCES consents (consent_id)
);

-- Every move of every consent. Rows are only ever added, and hold no personal data.
CREATE TABLE audit_log (
    id         bigint      GENERATED ALWAYS AS IDENTITY,
    consent_id uuid        NOT NULL,
    at         timestamptz NOT NULL,
    actor      text        NOT NULL,
    action     text        NOT NULL,
    before     text,
    after      text        NOT NULL,
    reason     text,
    CONSTRAINT audit_log_pkey PRIMARY KEY (id)
);

CREATE INDEX audit_log_by_consent ON audit_log (consent_id, id);

-- Messages written in the same transaction as the facts they tell of, until they are published.
CREATE TABLE outbox (
    id            bigint      GENERATED ALWAYS AS IDENTITY,
    topic         text        NOT NULL,
    key           uuid        NOT NULL,
    partition_key uuid        NOT NULL,
    event_id      uuid        NOT NULL,
    -- A bare Avro datum; NULL deletes the key from a compacted topic.
    payload       bytea,
    trace         text,
    created_at    timestamptz NOT NULL,
    CONSTRAINT outbox_pkey PRIMARY KEY (id)
);

-- Work that one process does at a time.
CREATE TABLE leases (
    name       text        NOT NULL,
    holder     text        NOT NULL,
    held_until timestamptz NOT NULL,
    CONSTRAINT leases_pkey PRIMARY KEY (name)
);
