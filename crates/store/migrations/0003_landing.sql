-- What has landed, where from, and what is to be erased.

-- The offset to read next, per consumer group. Written in the transaction that lands the records.
CREATE TABLE landing_positions (
    consumer_group text    NOT NULL,
    topic          text    NOT NULL,
    partition      integer NOT NULL,
    next_offset    bigint  NOT NULL,
    CONSTRAINT landing_positions_pkey PRIMARY KEY (consumer_group, topic, partition)
);

-- Transactions. The id is laid out account | day | hash, so a customer's rows of a period are a few ranges of the
-- primary key and a window's rows land side by side; a second index would cost more than it saves.
-- Enum numbers are those of crates/store/src/codes.rs.
CREATE TABLE transactions (
    transaction_id       uuid        NOT NULL,
    account_key          uuid        NOT NULL,
    -- The fetch that brought this form of it.
    consent_id           uuid        NOT NULL,
    window_id            uuid        NOT NULL,
    fetched_at           timestamptz NOT NULL,
    landed_at            timestamptz NOT NULL,
    -- Hash of every column below.
    content_hash         bigint      NOT NULL,
    -- The day it is listed under: booking day, else value day, else day of the act, else day of the fetch.
    day                  date        NOT NULL,
    status               smallint    NOT NULL,
    mutable              boolean     NOT NULL,
    amount               numeric     NOT NULL,
    currency             text        NOT NULL,
    booking_date         date,
    value_date           date,
    transaction_date     date,
    booked_at            timestamptz,
    description          text        NOT NULL,
    source_id            text,
    reference            text,
    counterparty_name    text,
    counterparty_account text,
    merchant_name        text,
    mcc                  text,
    bank_code            text,
    proprietary_code     text,
    purpose_code         text,
    fx_amount            numeric,
    fx_currency          text,
    fx_rate              text,
    balance_after        numeric,
    clean_description    text        NOT NULL,
    merchant_id          text,
    merchant_title       text,
    merchant_website     text,
    merchant_logo_url    text,
    processor            text,
    channel              text,
    recurring            boolean     NOT NULL,
    subscription         boolean     NOT NULL,
    refund               boolean     NOT NULL,
    own_transfer         boolean     NOT NULL,
    category_primary     text        NOT NULL,
    category_detailed    text        NOT NULL,
    confidence_permille  smallint    NOT NULL,
    source               text        NOT NULL,
    -- JSON, as in the public contract; only ever read whole.
    why                  text        NOT NULL,
    taxonomy_version     text        NOT NULL,
    engine_version       text        NOT NULL,
    CONSTRAINT transactions_pkey PRIMARY KEY (transaction_id)
);

-- The balances of an account at one time; the arrays have one element per balance.
CREATE TABLE balances (
    account_key          uuid          NOT NULL,
    consent_id           uuid          NOT NULL,
    fetched_at           timestamptz   NOT NULL,
    landed_at            timestamptz   NOT NULL,
    content_hash         bigint        NOT NULL,
    kinds                smallint[]    NOT NULL,
    amounts              numeric[]     NOT NULL,
    currencies           text[]        NOT NULL,
    as_of                timestamptz[] NOT NULL,
    includes_credit_line boolean[]     NOT NULL,
    CONSTRAINT balances_pkey PRIMARY KEY (account_key)
);

-- Ended consents whose data is being deleted; kept as the record that it was.
CREATE TABLE erasures (
    consent_id   uuid        NOT NULL,
    queued_at    timestamptz NOT NULL,
    transactions bigint      NOT NULL DEFAULT 0,
    accounts     bigint      NOT NULL DEFAULT 0,
    done_at      timestamptz,
    CONSTRAINT erasures_pkey PRIMARY KEY (consent_id),
    CONSTRAINT erasures_consent FOREIGN KEY (consent_id) REFERENCES consents (consent_id)
);

CREATE INDEX erasures_pending ON erasures (queued_at) WHERE done_at IS NULL;
