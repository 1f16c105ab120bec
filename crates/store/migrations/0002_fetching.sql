-- The ledger of fetch jobs, and which accounts a consent covers.

-- One row per account of a customer, the same under every consent. Details are NULL until they have landed.
CREATE TABLE accounts (
    account_key    uuid        NOT NULL,
    tenant_id      text        NOT NULL,
    user_id        text        NOT NULL,
    institution_id text        NOT NULL,
    currency       text        NOT NULL,
    account_type   smallint,
    holder_kind    smallint,
    status         smallint,
    display_name   text,
    masked_number  text,
    -- Of the details: the consent that brought them, when the institution gave them, and a hash of them.
    consent_id     uuid,
    details_at     timestamptz,
    content_hash   bigint,
    -- When the institution last answered for the account, and when that landed.
    fetched_at     timestamptz,
    landed_at      timestamptz,
    CONSTRAINT accounts_pkey PRIMARY KEY (account_key)
);

-- Which accounts a consent covers, and the institution's name for each under it.
CREATE TABLE consent_accounts (
    consent_id        uuid        NOT NULL,
    account_key       uuid        NOT NULL,
    source_account_id text        NOT NULL,
    linked_at         timestamptz NOT NULL,
    CONSTRAINT consent_accounts_pkey PRIMARY KEY (consent_id, account_key),
    CONSTRAINT consent_accounts_consent FOREIGN KEY (consent_id) REFERENCES consents (consent_id)
);

-- Erasure asks who else covers an account.
CREATE INDEX consent_accounts_by_account ON consent_accounts (account_key);

CREATE TABLE fetch_jobs (
    job_id       uuid        NOT NULL,
    consent_id   uuid        NOT NULL,
    epoch        bigint      NOT NULL,
    -- 0 first, 1 attended, 2 batch: also the order of issue.
    reason       smallint    NOT NULL,
    from_date    date,
    -- Evidence that the customer is present, sealed with the consent's data key.
    psu          bytea,
    trace        text,
    state        text        NOT NULL,
    -- Why it waits, failed or was cancelled.
    why          text,
    -- How often it was issued, and how many of these times it did not land in time.
    attempt      integer     NOT NULL DEFAULT 0,
    missed       integer     NOT NULL DEFAULT 0,
    not_before   timestamptz NOT NULL,
    -- How long one attempt may take until everything has landed.
    allowance    interval    NOT NULL,
    issued_until timestamptz,
    all_sent     boolean     NOT NULL DEFAULT false,
    finished_at  timestamptz,
    CONSTRAINT fetch_jobs_pkey PRIMARY KEY (job_id),
    CONSTRAINT fetch_jobs_consent FOREIGN KEY (consent_id) REFERENCES consents (consent_id),
    CONSTRAINT fetch_jobs_state_known CHECK (state IN (
        'waiting', 'issued', 'fetching', 'done', 'failed', 'cancelled')),
    CONSTRAINT fetch_jobs_allowance_positive CHECK (allowance > interval '0')
);

-- One open job per consent: it holds the consent's accounts until its windows have landed.
CREATE UNIQUE INDEX fetch_jobs_one_open ON fetch_jobs (consent_id)
    WHERE state IN ('waiting', 'issued', 'fetching');
CREATE INDEX fetch_jobs_by_consent ON fetch_jobs (consent_id, finished_at);
-- What is due, in the order of issue.
CREATE INDEX fetch_jobs_due ON fetch_jobs (reason, not_before) WHERE state = 'waiting';
-- What may be overdue.
CREATE INDEX fetch_jobs_under_way ON fetch_jobs (issued_until) WHERE state IN ('issued', 'fetching');

-- One account and one span of days (or its details, or its balances) within a job.
CREATE TABLE fetch_windows (
    window_id     uuid        NOT NULL,
    job_id        uuid        NOT NULL,
    attempt       integer     NOT NULL,
    account_key   uuid        NOT NULL,
    -- 0 account, 1 balances, 2 transactions.
    kind          smallint    NOT NULL,
    from_date     date,
    to_date       date,
    -- Open until every record has landed; dropped when the attempt is given up first.
    state         text        NOT NULL,
    -- Since when it is under way, for whoever asks what is stuck.
    planned_at    timestamptz NOT NULL,
    -- The first record that has not landed: records land without gaps.
    next_sequence integer     NOT NULL DEFAULT 0,
    CONSTRAINT fetch_windows_pkey PRIMARY KEY (window_id),
    CONSTRAINT fetch_windows_state_known CHECK (state IN ('open', 'landed', 'dropped')),
    CONSTRAINT fetch_windows_job FOREIGN KEY (job_id) REFERENCES fetch_jobs (job_id)
);

CREATE INDEX fetch_windows_by_job ON fetch_windows (job_id);
-- How many are under way: back-pressure.
CREATE INDEX fetch_windows_open ON fetch_windows (job_id) WHERE state = 'open';
