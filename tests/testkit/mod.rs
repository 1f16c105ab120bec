//! A whole system and the ways to look at it.

mod bank;
mod broker;
mod embedded;
mod places;
mod process;
mod real;
mod rows;
mod wait;

use std::time::{Duration, Instant};

use events::{Topic, topics};

use connector::dev::{ApiClient, ConsentView, Decision, Login, authorise};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;
use uuid::Uuid;

pub use bank::{Bank, Fault};
pub use broker::{Broker, Seen};
pub use places::Places;
pub use process::{Process, run, run_well};
pub use rows::{Book, Row, assert_same};
pub use wait::{eventually, seconds};

/// One system at a time: times are measured, and the machine may be small.
static TURN: Semaphore = Semaphore::const_new(1);

/// Who reads what.
static CONSUMERS: [(&str, &Topic); 11] = [
    ("consent-intake", &topics::CONSENT_EVENTS),
    ("consent-revocations", &topics::CONSENT_EVENTS),
    ("fetch-planner", &topics::CONSENT_EVENTS),
    ("fetch-first", &topics::FETCH_JOBS_FIRST),
    ("fetch-attended", &topics::FETCH_JOBS_ATTENDED),
    ("fetch-batch", &topics::FETCH_JOBS_BATCH),
    ("normalizer", &topics::RAW_WINDOWS),
    ("categorizer", &topics::TRANSACTIONS_NORMALIZED),
    ("lander-transactions", &topics::TRANSACTIONS_ENRICHED),
    ("lander-accounts", &topics::ACCOUNTS),
    ("lander-balances", &topics::BALANCES),
];

/// What the system is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `connector dev`: one process with an embedded database and broker.
    Embedded,
    /// Each role a process of its own, on a Kafka broker and a PostgreSQL server.
    Real,
}

impl Kind {
    /// What `CONNECTOR_E2E` asks for: `embedded`, which is the default, or `real`.
    ///
    /// # Panics
    /// On any other word.
    #[must_use]
    pub fn chosen() -> Self {
        match places::variable("CONNECTOR_E2E").as_deref() {
            None | Some("embedded") => Self::Embedded,
            Some("real") => Self::Real,
            Some(other) => panic!("CONNECTOR_E2E is {other:?}; set it to `embedded` or `real`"),
        }
    }
}

/// A system that runs until it is dropped, when it is stopped and its traces are removed.
pub struct System {
    /// What it is made of.
    pub kind: Kind,
    /// The institution where every customer is.
    pub institution: String,
    /// Consent Management API.
    pub consents: ApiClient,
    /// Query API.
    pub data: ApiClient,
    /// The broker.
    pub broker: Broker,
    /// The sandbox bank.
    pub bank: Bank,
    /// Addresses and token.
    pub places: Places,
    processes: Vec<Process>,
    dir: TempDir,
    _traces: Option<real::Traces>,
    _turn: SemaphorePermit<'static>,
}

impl System {
    /// Starts the chosen kind and waits until every part is ready.
    pub async fn start() -> Self {
        Self::start_as(Kind::chosen()).await
    }

    /// Starts one kind and waits until every part is ready.
    pub async fn start_as(kind: Kind) -> Self {
        let turn = TURN.acquire().await.unwrap();
        let dir = TempDir::new().unwrap();
        let (processes, places, traces) = match kind {
            Kind::Embedded => {
                let (process, places) = embedded::start(dir.path()).await;
                (vec![process], places, None)
            }
            Kind::Real => {
                let (processes, places, traces) = real::start(dir.path()).await;
                (processes, places, Some(traces))
            }
        };
        Self {
            kind,
            institution: places.institution.clone(),
            consents: places.client(&places.consents),
            data: places.client(&places.data),
            broker: places.broker.clone(),
            bank: Bank::at(&places.bank),
            places,
            processes,
            dir,
            _traces: traces,
            _turn: turn,
        }
    }

    /// The processes that do the connector's work, by name: the roles, or `dev`.
    #[must_use]
    pub fn workers(&self) -> Vec<String> {
        let workers = self.processes.iter().map(|process| process.name().to_owned());
        workers.filter(|name| !places::STAND_INS.contains(&name.as_str())).collect()
    }

    /// A process by its name.
    pub fn process(&mut self, name: &str) -> &mut Process {
        self.processes.iter_mut().find(|process| process.name() == name).unwrap()
    }

    /// Kills a worker with SIGKILL and starts it again at once; the moment it was started.
    pub async fn kill_and_restart(&mut self, worker: &str) -> Instant {
        self.process(worker).kill9();
        let started = Instant::now();
        if self.kind == Kind::Embedded {
            let dir = self.dir.path().to_owned();
            self.places = embedded::restart(self.process(worker), &dir).await;
            self.broker = self.places.broker.clone();
            self.bank = Bank::at(&self.places.bank);
        } else {
            self.process(worker).restart();
        }
        // Clients of before hold connections to a process that is gone.
        self.consents = self.places.client(&self.places.consents);
        self.data = self.places.client(&self.places.data);
        started
    }

    /// A request with the system's token to `path` below `base`.
    pub fn request(&self, method: Method, base: &Url, path: &str) -> RequestBuilder {
        self.anonymous(method, base, path).bearer_auth(&self.places.token)
    }

    /// A request without a token.
    pub fn anonymous(&self, method: Method, base: &Url, path: &str) -> RequestBuilder {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        http.request(method, base.join(path).unwrap())
    }

    /// A consent of `user`, approved at the bank by `login`.
    pub async fn connect(&self, user: &str, login: &Login) -> ConsentView {
        let consent = self.consents.create_consent(user, &self.institution, now()).await.unwrap();
        self.approve(&consent, login).await;
        consent
    }

    /// The customer approves.
    pub async fn approve(&self, consent: &ConsentView, login: &Login) {
        let page =
            authorise(consent.authorisation_url.as_ref().unwrap(), login, Decision::Approve).await.unwrap();
        assert_eq!(page.status, 200, "the approval ends on an error page:\n{}", page.html);
    }

    /// The consent with everything the API tells about it.
    pub async fn consent(&self, id: &str) -> Value {
        self.consents.expect(Method::GET, &format!("v1/consents/{id}"), None).await.unwrap()
    }

    /// Waits until the consent's fetch is in this state; the consent as it is then.
    pub async fn fetch_is(&self, id: &str, state: &str, within: Duration) -> Value {
        eventually(&format!("the fetch of {id} is {state}"), within, async || {
            let consent = self.consent(id).await;
            let fetch = &consent["fetch"];
            if fetch["state"] == state { Ok(consent) } else { Err(format!("it is {fetch}")) }
        })
        .await
    }

    /// Asserts that bank, store and topic hold the same for these users; how many rows that is.
    pub async fn agrees(&self, users: &[(&str, &Login)]) -> usize {
        let published = self.broker.last_values(&topics::TRANSACTIONS_ENRICHED).await;
        let mut rows = 0;
        for (user, customer) in users {
            let bank = self.bank.book(customer).await;
            let store = Book::of_api(&self.data.transactions(user).await.unwrap());
            assert_same(&format!("{user}: bank and store"), &bank, &store);
            assert_same(&format!("{user}: store and topic"), &store, &Book::of_topic(&published, user));
            rows += store.len();
        }
        rows
    }

    /// Whether every consumer has taken in everything that was published.
    pub async fn is_drained(&self) -> Result<(), String> {
        let mut behind = Vec::new();
        for (group, topic) in CONSUMERS {
            match self.unread(group, topic).await {
                0 => (),
                unread => behind.push(format!("{group} by {unread}")),
            }
        }
        if behind.is_empty() { Ok(()) } else { Err(format!("behind are {}", behind.join(", "))) }
    }

    /// Records of a topic that a consumer has not taken in. `connector dev` names its groups anew at every start, but
    /// counts from its start too.
    async fn unread(&self, group: &str, topic: &Topic) -> usize {
        let read = self.broker.read(topic.name);
        if self.kind == Kind::Embedded {
            return read.len().saturating_sub(
                self.counted(&format!("connector_records_consumed_total{{stage=\"{group}\"}}")).await,
            );
        }
        let committed = self.broker.committed(group, topic.name);
        read.iter()
            .filter(|seen| committed.get(&seen.partition).is_none_or(|&next| seen.offset >= next))
            .count()
    }

    /// A counter of `connector dev`.
    async fn counted(&self, series: &str) -> usize {
        let metrics = self.anonymous(Method::GET, &self.places.ops[0].1, "metrics").send().await.unwrap();
        let text = metrics.text().await.unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(series));
        value.map_or(0, |value| value.trim().parse().unwrap())
    }

    /// Waits until every consumer has taken in everything that was published.
    pub async fn drain(&self) {
        eventually("everything is taken in", seconds(60), async || self.is_drained().await).await;
    }

    /// How much a worker has committed so far, which only grows; none where there is nothing to count.
    #[must_use]
    pub fn progress(&self, worker: &str) -> Option<i64> {
        let committed =
            |group: &str, topic: &Topic| Some(self.broker.committed(group, topic.name).values().sum());
        match worker {
            "fetch-workers" => Some(self.broker.end(topics::RAW_WINDOWS.name)),
            "normalizer" => committed("normalizer", &topics::RAW_WINDOWS),
            "categorizer" => committed("categorizer", &topics::TRANSACTIONS_NORMALIZED),
            "lander" => committed("lander-transactions", &topics::TRANSACTIONS_ENRICHED),
            _ => None,
        }
    }

    /// Whether a worker is back at work: it has committed more than before, or at least answers.
    pub async fn is_back(&self, worker: &str, before: Option<i64>) -> Result<(), String> {
        let Some(before) = before else {
            let answer = self.anonymous(Method::GET, self.places.api(worker), "v1/openapi.json").send().await;
            let answers = answer.is_ok_and(|answer| answer.status().is_success());
            return if answers { Ok(()) } else { Err("it does not answer".to_owned()) };
        };
        let now = self.progress(worker).unwrap_or_default();
        if now > before { Ok(()) } else { Err(format!("it had committed {before}, and now {now}")) }
    }

    /// Rows of a consent in the database, readable or not; none where the database cannot be looked into.
    pub async fn rows_at_rest(&self, consent: &str) -> Option<i64> {
        let mut database = PgConnection::connect(self.places.database.as_ref()?.as_str()).await.unwrap();
        let count = sqlx::query_scalar("SELECT count(*) FROM transactions WHERE consent_id = $1");
        Some(count.bind(Uuid::parse_str(consent).unwrap()).fetch_one(&mut database).await.unwrap())
    }

    /// Everything that all processes printed, line by line.
    #[must_use]
    pub fn logs(&self) -> Vec<String> {
        let lines = |process: &Process| process.log().lines().map(str::to_owned).collect::<Vec<_>>();
        self.processes.iter().flat_map(lines).collect()
    }

    /// A configuration file for the operators' tools.
    #[must_use]
    pub fn tools_config(&self) -> String {
        self.places.tools_config(self.dir.path())
    }
}

/// Logs tell why a test failed, and go with the system's directory.
impl Drop for System {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for process in &self.processes {
                eprintln!("--- the last lines of {}:\n{}", process.name(), process.log_tail());
            }
        }
    }
}

/// The time of the machine, which is that of the system too.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the processes under test use the machine's clock")]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
