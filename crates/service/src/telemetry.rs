//! Logs, traces and metrics.

use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use prometheus::{Registry, TextEncoder};
use serde::Deserialize;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};
use url::Url;

/// How a process reports about itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// What is logged, in the syntax of `tracing`'s `EnvFilter`.
    pub log: String,
    /// One JSON object a line, for machines; otherwise lines for people.
    pub json: bool,
    /// Where traces go (OTLP over HTTP), such as `http://collector:4318/v1/traces`; none for nowhere.
    pub otlp_traces: Option<Url>,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { log: "info".to_owned(), json: true, otlp_traces: None }
    }
}

/// Telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log filter is not understood.
    #[error("log filter is not understood: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The exporter cannot be built.
    #[error("trace exporter cannot be built: {0}")]
    Traces(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The metrics registry cannot be built.
    #[error("metrics cannot be set up: {0}")]
    Metrics(#[from] opentelemetry_sdk::error::OTelSdkError),
    /// Somebody else has set up logging already.
    #[error("logging is set up already: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Keeps telemetry going; [`Telemetry::stop`] sends what is left.
#[derive(Debug, Clone)]
pub struct Telemetry {
    tracer: SdkTracerProvider,
    meter: SdkMeterProvider,
    registry: Registry,
}

impl Telemetry {
    /// Sets the process up: logs to standard error, metrics to be scraped, traces to a collector if configured.
    /// Spans have ids either way, so that a trace id can be found in logs and headers without a collector.
    ///
    /// # Errors
    /// [`TelemetryError`] when the configuration cannot be used.
    pub fn start(config: &TelemetryConfig, name: &'static str) -> Result<Self, TelemetryError> {
        let resource = Resource::builder()
            .with_service_name(name)
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let tracer = tracer(config, resource.clone())?;
        let (meter, registry) = meter(resource)?;
        global::set_text_map_propagator(TraceContextPropagator::new());
        global::set_meter_provider(meter.clone());
        let filter = EnvFilter::try_new(&config.log)?;
        let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        let lines = if config.json { lines.json().boxed() } else { lines.compact().boxed() };
        tracing_subscriber::registry()
            // A trace goes through whatever is logged: its id travels with every record.
            .with(
                tracing_opentelemetry::layer()
                    .with_tracer(tracer.tracer(name))
                    .with_filter(LevelFilter::INFO),
            )
            .with(lines.with_filter(filter))
            .try_init()?;
        Ok(Self { tracer, meter, registry })
    }

    /// The metrics in Prometheus' text format.
    #[must_use]
    pub fn metrics(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }

    /// Sends what is left and stops.
    pub fn stop(self) {
        for stopped in [self.tracer.shutdown(), self.meter.shutdown()] {
            if let Err(error) = stopped {
                tracing::debug!(%error, "telemetry did not stop cleanly");
            }
        }
    }
}

fn tracer(config: &TelemetryConfig, resource: Resource) -> Result<SdkTracerProvider, TelemetryError> {
    let builder = SdkTracerProvider::builder().with_resource(resource);
    let Some(endpoint) = &config.otlp_traces else {
        return Ok(builder.build());
    };
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_headers(std::collections::HashMap::new())
        .with_endpoint(endpoint.as_str())
        .build()?;
    Ok(builder.with_batch_exporter(exporter).build())
}

fn meter(resource: Resource) -> Result<(SdkMeterProvider, Registry), TelemetryError> {
    let registry = Registry::new();
    let exporter = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .scope_info_enabled(false)
        .build()?;
    Ok((SdkMeterProvider::builder().with_reader(exporter).with_resource(resource).build(), registry))
}

/// The W3C `traceparent` of a span, to travel in a header; none where nothing is traced.
#[must_use]
pub fn traceparent_of(span: &Span) -> Option<String> {
    let context = span.context();
    if !context.span().span_context().is_valid() {
        return None;
    }
    let mut header = Header(None);
    TraceContextPropagator::new().inject_context(&context, &mut header);
    header.0
}

/// The `traceparent` of the span we are in.
#[must_use]
pub fn current_traceparent() -> Option<String> {
    traceparent_of(&Span::current())
}

/// Makes `span` a child of the trace that a `traceparent` names; one that cannot be read is ignored.
pub fn continue_trace(span: &Span, traceparent: &str) {
    // A span that is not recorded cannot have a parent; nothing is lost then.
    drop(span.set_parent(context_of(traceparent)));
}

fn context_of(traceparent: &str) -> Context {
    TraceContextPropagator::new().extract(&Header(Some(traceparent.to_owned())))
}

struct Header(Option<String>);

impl Injector for Header {
    fn set(&mut self, key: &str, value: String) {
        if key == "traceparent" {
            self.0 = Some(value);
        }
    }
}

impl Extractor for Header {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.as_deref().filter(|_| key == "traceparent")
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}
