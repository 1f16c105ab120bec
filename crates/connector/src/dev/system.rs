//! Every part of the embedded set-up, started in the order in which they need each other.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use institutions::Institutions;
use sandbox::broker::Broker;
use sandbox::{bank, registry};
use secrecy::SecretString;
use service::http::Tokens;
use service::http::auth::TokenConfig;
use service::telemetry::{Telemetry, TelemetryConfig};
use service::{Clock, Health, Secret, Shutdown, Tasks, ops};
use stage_runner::{Delivery, GroupProtocol, Kafka, KafkaConfig, admin};
use store::MasterKeys;
use store::embedded::Embedded;
use tokio::net::TcpListener;
use url::Url;

use super::{Endpoints, Login, User, secrets};
use crate::cli::DevArgs;

/// Tenant of the one token.
const TENANT: &str = "dev";
const INSTITUTION: &str = "sandbox-uk";
/// Customers of the sandbox bank, at least.
const CUSTOMERS: usize = 10;
const ROWS_ON_A_PAGE: usize = 100;

/// Everything that runs.
pub(super) struct System {
    pub(super) endpoints: Endpoints,
    /// The roles; they end with the shutdown.
    pub(super) tasks: Tasks,
    pub(super) footing: Footing,
}

/// What the roles stand on; it has to outlive them.
pub(super) struct Footing {
    embedded: Embedded,
    _broker: Broker,
    telemetry: Telemetry,
}

impl Footing {
    /// Stops what the roles stood on.
    pub(super) async fn stop(self) {
        self.embedded.stop().await;
        self.telemetry.stop();
    }
}

impl System {
    /// Starts all parts and waits until each is ready. Everything ends with `shutdown`.
    pub(super) async fn start(
        args: &DevArgs,
        dir: &Path,
        clock: &Clock,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Self> {
        let log = TelemetryConfig { log: args.log.clone(), json: false, otlp_traces: None };
        let telemetry = Telemetry::start(&log, "connector-dev")?;
        let (api, ops) = (TcpListener::bind(args.listen).await?, TcpListener::bind(local()).await?);
        let parts = Parts { args, dir, clock, api: address(&api)?, shutdown };

        let embedded = parts.store().await?;
        let bank = parts.bank().await?;
        let file = Some(dir.join("schemas.json"));
        let registry = registry::Registry::start(local(), shutdown.token(), file).await?;
        let (broker, kafka) = parts.broker(&registry.url)?;
        admin::register_schemas(&kafka).await?;
        let health = Health::new();
        let kafka = Kafka::connect(kafka, &health).await?;

        let endpoints = parts.endpoints(&bank, &registry.url, &broker, address(&ops)?)?;
        let mut tasks = Tasks::new(shutdown.clone());
        tasks.run("ops", ops::serve(ops, health.clone(), Some(telemetry.clone()), shutdown.clone()));
        let roles = Roles {
            store: embedded.store(),
            kafka,
            institutions: parts.institutions(&bank)?,
            clock: clock.clone(),
            health: health.clone(),
            shutdown: shutdown.clone(),
        };
        roles.run(&mut tasks, api, &endpoints)?;
        ready(&health).await?;
        Ok(Self { endpoints, tasks, footing: Footing { embedded, _broker: broker, telemetry } })
    }
}

fn local() -> std::net::SocketAddr {
    std::net::SocketAddr::from(([127, 0, 0, 1], 0))
}

fn address(listener: &TcpListener) -> anyhow::Result<Url> {
    Ok(Url::parse(&format!("http://{}/", listener.local_addr()?))?)
}

/// What has to be at work before anybody is told where to look.
const PARTS: [&str; 11] = [
    "consent-api",
    "consent-intake-0",
    "fetch-planner-0",
    "planner",
    "fetch-first-0",
    "fetch-attended-0",
    "normalizer-0",
    "categorizer-0",
    "lander-transactions-0",
    "lander-accounts-0",
    "lander-balances-0",
];

async fn ready(health: &Health) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Some(part) = PARTS.into_iter().find(|part| !health.is_ready(part)) {
        if Instant::now() > deadline {
            bail!("{part} was not ready within a minute");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// What the parts are made from.
struct Parts<'a> {
    args: &'a DevArgs,
    dir: &'a Path,
    clock: &'a Clock,
    api: Url,
    shutdown: &'a Shutdown,
}

impl Parts<'_> {
    async fn store(&self) -> anyhow::Result<Embedded> {
        let keys = MasterKeys::from_base64("dev", &secrets::master_key(self.dir)?)?;
        let embedded = Embedded::start(Some(&self.dir.join("postgres")), keys)
            .await
            .with_context(|| format!("the embedded database in {} does not start", self.dir.display()))?;
        embedded.store().migrate().await?;
        // The broker of a former start took its topics with it.
        embedded.store().jobs().issue_again(self.clock.now()).await?;
        Ok(embedded)
    }

    async fn bank(&self) -> anyhow::Result<bank::Running> {
        let clock = self.clock.clone();
        let config = bank::Config {
            listen: local(),
            public_url: None,
            seed: self.args.seed,
            customers: self.args.seed_customers.max(CUSTOMERS),
            page_size: ROWS_ON_A_PAGE,
            clock: Arc::new(move || clock.now()),
            client_id: "connector-dev".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            redirect_uris: vec![self.api.join("callback")?],
            auto_approve_client: false,
            state: Some(self.dir.join("bank.json")),
        };
        Ok(bank::Bank::start(config, self.shutdown.token()).await?)
    }

    /// The broker with every topic, and how to reach it.
    fn broker(&self, registry: &Url) -> anyhow::Result<(Broker, KafkaConfig)> {
        let mut config = self.kafka(registry);
        let topics = admin::wanted_topics(&config);
        let topics: Vec<_> = topics.iter().map(|topic| (topic.name.as_str(), topic.partitions)).collect();
        let broker = Broker::start(&topics)?;
        broker.bootstrap_servers().clone_into(&mut config.bootstrap_servers);
        Ok((broker, config))
    }

    fn kafka(&self, registry: &Url) -> KafkaConfig {
        KafkaConfig {
            delivery: Delivery::AtLeastOnce,
            group_protocol: GroupProtocol::Consumer,
            // Positions of a former broker's topics must not be taken for this one's.
            group_prefix: format!("dev-{}-", self.clock.now().as_microsecond()),
            commit_interval_ms: 20,
            ..KafkaConfig::new(String::new(), registry.clone(), "dev".to_owned())
        }
    }

    fn institutions(&self, bank: &bank::Running) -> anyhow::Result<Institutions> {
        let issuer = bank.base_url.as_str().trim_end_matches('/');
        let profile = format!(
            "id = \"{INSTITUTION}\"\nname = \"Fernhill Bank\"\ncountry = \"GB\"\nstandard = \"uk-ob-4.0\"\n\
             base_url = \"{issuer}{}\"\ntime_zone = \"Europe/London\"\nallow_http = true\n\
             [client]\nissuer = \"{issuer}\"\nid = \"connector-dev\"\nsecret = \"sandbox-secret\"\n\
             [limits]\nrequests_per_second = 500\nconcurrent_requests = 16\n",
            bank::AISP
        );
        let profile = institutions::Profile::parse(&profile, Path::new("sandbox-uk.toml"))?;
        Ok(Institutions::from_profiles(vec![profile])?)
    }

    fn endpoints(
        &self,
        bank: &bank::Running,
        registry: &Url,
        broker: &Broker,
        metrics: Url,
    ) -> anyhow::Result<Endpoints> {
        let users = bank.customers.iter().map(|customer| User {
            user_id: format!("user-{}", customer.username),
            login: Login { username: customer.username.clone(), password: customer.password.clone() },
            consent_id: None,
        });
        Ok(Endpoints {
            bootstrap_servers: broker.bootstrap_servers().to_owned(),
            registry: registry.clone(),
            api: self.api.clone(),
            sandbox: bank.base_url.clone(),
            metrics,
            token: secrets::token(self.dir)?,
            institutions: vec![INSTITUTION.to_owned()],
            users: users.collect(),
        })
    }
}

/// What the roles are given.
struct Roles {
    store: store::Store,
    kafka: Kafka,
    institutions: Institutions,
    clock: Clock,
    health: Health,
    shutdown: Shutdown,
}

impl Roles {
    fn run(self, tasks: &mut Tasks, listener: TcpListener, endpoints: &Endpoints) -> anyhow::Result<()> {
        let Self { store, kafka, institutions, clock, health, shutdown } = self;
        let token = TokenConfig {
            tenant: TENANT.to_owned(),
            token: Secret::Value(SecretString::from(endpoints.token.clone())),
        };
        let tokens = Tokens::read(std::slice::from_ref(&token))?;

        let deps = consent_producer::Deps {
            store: store.clone(),
            kafka: kafka.clone(),
            institutions: institutions.clone(),
            clock: clock.clone(),
            health: health.clone(),
        };
        let config = consent_producer::ConsentConfig {
            listen: local(),
            public_url: endpoints.api.clone(),
            tokens: vec![token],
            limits: consent_producer::Limits::default(),
        };
        let query = query_api::router(store.clone(), tokens, clock.clone());
        tasks.run(
            "consent-producer",
            consent_producer::run_with(config, deps, listener, query, shutdown.clone()),
        );

        let deps = fetch_workers::Deps {
            store: store.clone(),
            kafka: kafka.clone(),
            institutions,
            clock: clock.clone(),
            health: health.clone(),
        };
        tasks.run(
            "fetch-workers",
            fetch_workers::run(fetch_workers::FetchConfig::default(), deps, shutdown.clone()),
        );
        let deps = normalizer::Deps {
            store: store.clone(),
            kafka: kafka.clone(),
            clock: clock.clone(),
            health: health.clone(),
        };
        tasks.run(
            "normalizer",
            normalizer::run(normalizer::NormalizerConfig::default(), deps, shutdown.clone()),
        );
        let deps = categorizer::Deps { kafka: kafka.clone(), health: health.clone() };
        tasks.run(
            "categorizer",
            categorizer::run(categorizer::CategorizerConfig::default(), deps, shutdown.clone()),
        );
        let deps = lander::Deps { store, kafka, clock, health };
        tasks.run("lander", lander::run(lander::LanderConfig::default(), deps, shutdown));
        Ok(())
    }
}
