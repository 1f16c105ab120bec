//! A customer's browser, as far as signing in and approving needs one: cookies by host, redirects, and the first form
//! of a page. It stands in for a person in `--demo`, in seeding and in the end-to-end tests.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Response, redirect};
use url::Url;

/// Follows links and submits forms, one page at a time.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    cookies: BTreeMap<String, BTreeMap<String, String>>,
}

/// A page that was loaded.
#[derive(Debug)]
pub struct Page {
    /// Its address, after redirects.
    pub url: Url,
    /// The HTTP status.
    pub status: u16,
    /// The HTML.
    pub html: String,
}

impl Browser {
    /// A browser without cookies.
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn new() -> anyhow::Result<Self> {
        let client = Client::builder().redirect(redirect::Policy::none()).no_proxy().build()?;
        Ok(Self { client, cookies: BTreeMap::new() })
    }

    /// Opens an address.
    ///
    /// # Errors
    /// When it does not answer or redirects more than ten times.
    pub async fn open(&mut self, url: &Url) -> anyhow::Result<Page> {
        self.follow(url.clone(), None).await
    }

    /// Submits the page's first form with its hidden fields and these on top.
    ///
    /// # Errors
    /// When the page has no form or the address does not answer.
    pub async fn submit(&mut self, page: &Page, fields: &[(&str, &str)]) -> anyhow::Result<Page> {
        let form = Form::first(&page.html).context("the page has no form")?;
        let mut values = form.fields;
        for (name, value) in fields {
            values.retain(|(known, _)| known != name);
            values.push(((*name).to_owned(), (*value).to_owned()));
        }
        let action = page.url.join(&form.action)?;
        self.follow(action, Some(values)).await
    }

    async fn follow(
        &mut self,
        mut url: Url,
        mut form: Option<Vec<(String, String)>>,
    ) -> anyhow::Result<Page> {
        for _ in 0..10 {
            let response = self.request(&url, form.take()).await?;
            self.keep_cookies(&url, &response);
            match response.headers().get(LOCATION) {
                Some(next) if response.status().is_redirection() => url = url.join(next.to_str()?)?,
                _ => {
                    return Ok(Page {
                        status: response.status().as_u16(),
                        html: response.text().await?,
                        url,
                    });
                }
            }
        }
        bail!("more than ten redirects, the last to {}", url.host_str().unwrap_or("nowhere"))
    }

    async fn request(&self, url: &Url, form: Option<Vec<(String, String)>>) -> anyhow::Result<Response> {
        let request = match form {
            Some(values) => self.client.post(url.clone()).form(&values),
            None => self.client.get(url.clone()),
        };
        let cookies = self.cookies.get(&origin(url)).into_iter().flatten();
        let header = cookies.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let request = if header.is_empty() { request } else { request.header(COOKIE, header) };
        request.send().await.with_context(|| format!("{} does not answer", origin(url)))
    }

    fn keep_cookies(&mut self, url: &Url, response: &Response) {
        let jar = self.cookies.entry(origin(url)).or_default();
        for header in response.headers().get_all(SET_COOKIE) {
            let pair = header.to_str().ok().and_then(|text| text.split(';').next()?.split_once('='));
            if let Some((name, value)) = pair {
                jar.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[derive(Debug, PartialEq, Eq)]
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    /// The first form with what it would send untouched: hidden fields and ticked boxes.
    fn first(html: &str) -> Option<Self> {
        let (_, rest) = html.split_once("<form")?;
        let (head, rest) = rest.split_once('>')?;
        let (body, _) = rest.split_once("</form>")?;
        let inputs = body.split("<input").skip(1).filter_map(|tag| tag.split_once('>')).map(|(tag, _)| tag);
        let fields = inputs.filter(|tag| sends_itself(tag)).filter_map(|tag| {
            Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_else(|| "on".to_owned())))
        });
        Some(Self { action: attribute(head, "action").unwrap_or_default(), fields: fields.collect() })
    }
}

fn sends_itself(tag: &str) -> bool {
    match attribute(tag, "type").as_deref() {
        Some("hidden") => true,
        Some("checkbox") => tag.contains(" checked"),
        _ => false,
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(
        value
            .replace("&quot;", "\"")
            .replace("&#34;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&#38;", "&")
            .replace("&amp;", "&"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_sends_its_hidden_fields_and_ticked_boxes() {
        let html = r#"<form method="post" action="/go?a=1&amp;b=2"><input type="hidden" name="csrf" value="x&quot;y">
            <input type="checkbox" name="account" value="1" checked><input type="checkbox" name="account" value="2">
            <input type="text" name="username"></form>"#;
        let form = Form::first(html).unwrap();
        assert_eq!(form.action, "/go?a=1&b=2");
        assert_eq!(
            form.fields,
            [("csrf".to_owned(), "x\"y".to_owned()), ("account".to_owned(), "1".to_owned())]
        );
    }
}
