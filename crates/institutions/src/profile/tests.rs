//! What a profile may hold.

use std::path::Path;

use super::Profile;

const EXAMPLE: &str = include_str!("../../../../config/institutions/sandbox-uk.toml");

fn parse(text: &str) -> Result<Profile, String> {
    Profile::parse(text, Path::new("bank.toml")).map_err(|error| error.to_string())
}

#[test]
fn the_commented_example_is_a_profile_whose_comments_show_the_defaults() {
    let plain = parse(EXAMPLE).unwrap();
    let defaults =
        EXAMPLE.lines().filter_map(|line| line.strip_prefix("# ").filter(|key| key.contains(" = ")));
    let shown: Vec<_> = defaults.filter(|key| !key.contains('…') && !key.contains("secret")).collect();
    let mut text = EXAMPLE.to_owned();
    for key in &shown {
        text = text.replace(&format!("# {key}"), key);
    }
    let spelled = parse(&text).unwrap();
    assert_eq!(shown.len(), 16);
    assert_eq!(spelled.schedule, plain.schedule);
    assert_eq!(spelled.history, plain.history);
    assert_eq!(spelled.limits, plain.limits);
    assert_eq!(spelled.dialect, plain.dialect);
    assert_eq!(spelled.max_consent_days, plain.max_consent_days);
}

#[test]
fn what_does_not_fit_is_refused_with_key_and_line() {
    let cases = [
        ("country = \"GB\"", "country = \"UK!\"", "country"),
        ("name = \"Sandbox Bank\"", "nmae = \"Sandbox Bank\"", "nmae"),
        ("standard = \"uk-ob-4.0\"", "standard = \"uk-ob-9\"", "standard"),
        ("allow_http = true", "allow_http = false", "base_url"),
        ("time_zone = \"Europe/London\"", "time_zone = \"Europe/Atlantis\"", "time_zone"),
        ("# batch_slots = []", "batch_slots = [\"25:00\"]", "batch_slots"),
        ("# page_cap = 200", "page_cap = 0", "page_cap"),
        (
            "issuer = \"http://",
            "token_endpoint = \"https://bank.example/t\"\nissuer = \"http://",
            "token_endpoint",
        ),
    ];
    for (right, wrong, key) in cases {
        let text = EXAMPLE.replacen(right, wrong, 1);
        let error = parse(&text).unwrap_err();
        let line = text.lines().position(|line| line.starts_with(key)).unwrap() + 1;
        assert!(error.contains(&format!("line {line}")) && error.contains(key), "{error}");
    }
}

#[test]
fn a_host_by_address_is_refused_outside_development() {
    let text = EXAMPLE.replace("allow_http = true", "").replace("http://", "https://");
    assert!(parse(&text).is_ok());
    assert!(parse(&text.replace("bank.localhost", "192.0.2.1")).unwrap_err().contains("by address"));
    assert!(parse(&text.replace("bank.localhost", "u:p@bank.example")).unwrap_err().contains("credentials"));
}

#[test]
fn a_profile_is_printed_without_its_secret() {
    let text = EXAMPLE.replace("{ file = \"/run/secrets/sandbox_client_secret\" }", "\"hunter2\"");
    assert_ne!(text, EXAMPLE);
    assert!(!format!("{:?}", parse(&text).unwrap()).contains("hunter2"));
}
