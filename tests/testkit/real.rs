//! Every role as a process of its own, on a Kafka broker and a PostgreSQL server that run already.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use url::Url;
use uuid::Uuid;

use super::broker::Broker;
use super::places::{Places, answers, free_address, kafka_section, url, variable};
use super::process::{Process, run_well};
use super::wait::seconds;

/// The institution's id; [`Plan::institution`] writes its profile.
const INSTITUTION: &str = "sandbox-uk";
const CUSTOMERS: &str = "20";
const TENANT: &str = "test-bank";
const TOKEN: &str = "token-of-the-end-to-end-suite";
const BANK_SECRET: &str = "sandbox-client-secret";
const MASTER_KEY: &str = "ZW5kLXRvLWVuZCB0ZXN0cyBzZWFsIG5vdGhpbmcgISE=";
const ROLES: [&str; 6] =
    ["consent-producer", "fetch-workers", "normalizer", "categorizer", "lander", "query-api"];

pub(super) async fn start(dir: &Path) -> (Vec<Process>, Places, Traces) {
    let traces = Traces::begin().await;
    let plan = Plan::new(dir, &traces);
    let mut processes = plan.stand_ins().await;
    let tools = plan.write("tools", "");
    for tool in [&["migrate"][..], &["topics", "apply"], &["schemas", "register"]] {
        run_well(&[tool, &["--config", &tools]].concat());
    }
    for (role, ops) in ROLES.iter().zip(plan.ops) {
        let section = plan.role_section(role);
        let file = plan.write(role, &format!("[ops]\nlisten = \"{ops}\"\n{section}"));
        processes.push(Process::start(dir, role, &[role, "--config", &file]));
    }
    let places = plan.places();
    for (role, ops) in &places.ops {
        let process = processes.iter_mut().find(|process| process.name() == role).unwrap();
        answers(process, &ops.join("readyz").unwrap(), seconds(60)).await;
        if let "consent-producer" | "query-api" = role.as_str() {
            answers(process, &places.api(role).join("v1/openapi.json").unwrap(), seconds(60)).await;
        }
    }
    (processes, places, traces)
}

/// Addresses and files of one system.
struct Plan {
    dir: PathBuf,
    broker: Broker,
    database: Url,
    registry: SocketAddr,
    bank: SocketAddr,
    consents: SocketAddr,
    data: SocketAddr,
    ops: [SocketAddr; ROLES.len()],
}

impl Plan {
    fn new(dir: &Path, traces: &Traces) -> Self {
        let registry = free_address();
        Self {
            dir: dir.to_owned(),
            broker: Broker {
                servers: traces.servers.clone(),
                registry: url(registry),
                prefix: traces.prefix.clone(),
            },
            database: traces.database.clone(),
            registry,
            bank: free_address(),
            consents: free_address(),
            data: free_address(),
            ops: ROLES.map(|_| free_address()),
        }
    }

    fn places(&self) -> Places {
        let ops = ROLES.iter().zip(self.ops).map(|(role, address)| ((*role).to_owned(), url(address)));
        Places {
            consents: url(self.consents),
            data: url(self.data),
            bank: url(self.bank),
            broker: self.broker.clone(),
            ops: ops.collect(),
            tenant: TENANT.to_owned(),
            token: TOKEN.to_owned(),
            institution: INSTITUTION.to_owned(),
            database: Some(self.database.clone()),
        }
    }

    /// The registry and the bank, which others run in production.
    async fn stand_ins(&self) -> Vec<Process> {
        let mut registry =
            Process::start(&self.dir, "registry", &["registry", "--listen", &self.registry.to_string()]);
        answers(&mut registry, &url(self.registry).join("subjects").unwrap(), seconds(30)).await;
        let (listen, callback) = (self.bank.to_string(), format!("{}callback", url(self.consents)));
        let args =
            ["sandbox-bank", "--listen", &listen, "--customers", CUSTOMERS, "--redirect-uri", &callback];
        let secret = ["--client-secret", BANK_SECRET];
        let mut bank = Process::start(&self.dir, "sandbox-bank", &[&args[..], &secret].concat());
        let discovery = url(self.bank).join(".well-known/openid-configuration").unwrap();
        answers(&mut bank, &discovery, seconds(30)).await;
        vec![registry, bank]
    }

    /// Writes a configuration file; its path.
    fn write(&self, name: &str, sections: &str) -> String {
        let institutions = self.institution();
        let (kafka, database) = (kafka_section(&self.broker, name), &self.database);
        let text = format!(
            "institutions = \"{institutions}\"\n{kafka}[database]\nurl = \"{database}\"\n\
             [database.master_key]\nid = \"test\"\nkey = \"{MASTER_KEY}\"\n{sections}"
        );
        let text = if text.contains("[role]") { text } else { format!("{text}[role]\n") };
        self.file(&format!("{name}.toml"), &text)
    }

    /// What only this role has.
    fn role_section(&self, role: &str) -> String {
        let tokens = format!("[[role.tokens]]\ntenant = \"{TENANT}\"\ntoken = \"{TOKEN}\"\n");
        match role {
            "consent-producer" => {
                let public_url = url(self.consents);
                format!("[role]\nlisten = \"{}\"\npublic_url = \"{public_url}\"\n{tokens}", self.consents)
            }
            "query-api" => format!("[role]\nlisten = \"{}\"\n{tokens}", self.data),
            _ => "[role]\n".to_owned(),
        }
    }

    /// Writes the profile of the sandbox bank; the directory it is in.
    fn institution(&self) -> String {
        let dir = self.dir.join("institutions");
        std::fs::create_dir_all(&dir).unwrap();
        let bank = url(self.bank);
        let issuer = bank.as_str().trim_end_matches('/');
        self.file(
            "institutions/sandbox.toml",
            &format!(
                "id = \"{INSTITUTION}\"\nname = \"Sandbox Bank\"\ncountry = \"GB\"\nstandard = \"uk-ob-4.0\"\n\
                 base_url = \"{issuer}/open-banking/v4.0/aisp\"\ntime_zone = \"Europe/London\"\nallow_http = true\n\
                 [client]\nissuer = \"{issuer}\"\nid = \"connector\"\nsecret = \"{BANK_SECRET}\"\n\
                 [limits]\nrequests_per_second = 40\n"
            ),
        );
        dir.to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str, text: &str) -> String {
        let file = self.dir.join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    }
}

/// What a system leaves on shared services; removed when this is dropped.
pub(super) struct Traces {
    servers: String,
    prefix: String,
    server: Url,
    database: Url,
    name: String,
}

impl Traces {
    async fn begin() -> Self {
        let needed = |name: &str| {
            variable(name).unwrap_or_else(|| {
                panic!("{name} is not set; run `tests/services up`, then `set -a; . .services/env; set +a`")
            })
        };
        let (servers, server) = (needed("KAFKA_BOOTSTRAP_SERVERS"), needed("DATABASE_URL"));
        let server: Url = server.parse().expect("DATABASE_URL is a URL");
        let id = Uuid::new_v4().simple().to_string();
        let name = format!("e2e_{id}");
        let mut database = server.clone();
        database.set_path(&name);
        administer(&server, format!("CREATE DATABASE {name}"))
            .await
            .expect("the role of DATABASE_URL has CREATEDB");
        Self { servers, prefix: format!("e2e-{}-", &id[..8]), server, database, name }
    }

    async fn remove(&self) {
        administer(&self.server, format!("DROP DATABASE {} WITH (FORCE)", self.name)).await.unwrap();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers);
        let consumer: BaseConsumer = config.create().unwrap();
        let metadata = consumer.fetch_metadata(None, seconds(20)).unwrap();
        let topics: Vec<&str> = metadata.topics().iter().map(|topic| topic.name()).collect();
        let ours: Vec<&str> = topics.into_iter().filter(|name| name.starts_with(&self.prefix)).collect();
        let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
        admin.delete_topics(&ours, &AdminOptions::new()).await.unwrap();
    }
}

async fn administer(server: &Url, statement: String) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(server.as_str()).await?;
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await
}

/// Dropping cannot wait, so a thread with a runtime of its own does.
impl Drop for Traces {
    fn drop(&mut self) {
        let removed = std::thread::scope(|scope| {
            let here = &*self;
            let remove = || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(here.remove());
            };
            scope.spawn(remove).join()
        });
        if removed.is_err() {
            eprintln!("database {} or topics {}* are left behind", self.name, self.prefix);
        }
    }
}
