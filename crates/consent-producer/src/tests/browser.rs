//! A customer's browser: cookies by origin, redirects one at a time, and the first form of a page.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, redirect};
use url::Url;

pub(super) struct Browser {
    http: Client,
    cookies: BTreeMap<(String, String), String>,
}

pub(super) struct Page {
    pub(super) url: Url,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) html: String,
}

impl Browser {
    pub(super) fn new() -> Self {
        let http = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
        Self { http, cookies: BTreeMap::new() }
    }

    /// Opens an address and stays there, also if it leads on.
    pub(super) async fn open(&mut self, url: &Url) -> Page {
        self.request(Method::GET, url.clone(), &[]).await
    }

    /// Opens an address and goes where it leads.
    pub(super) async fn follow(&mut self, url: &Url) -> Page {
        let page = self.open(url).await;
        self.go_on(page).await
    }

    /// Submits the first form of a page with its hidden fields and ticked boxes and these, and goes where that leads.
    pub(super) async fn submit(&mut self, page: &Page, fields: &[(&str, &str)]) -> Page {
        let (_, form) = page.html.split_once("<form").unwrap();
        let (head, body) = form.split_once('>').unwrap();
        let inputs = body.split("</form>").next().unwrap().split("<input").skip(1);
        let sent = inputs.map(|tag| tag.split('>').next().unwrap()).filter(|tag| {
            tag.contains("type=\"hidden\"") || (tag.contains("type=\"checkbox\"") && tag.contains("checked"))
        });
        let sent: Vec<_> =
            sent.map(|tag| (attribute(tag, "name").unwrap(), attribute(tag, "value").unwrap())).collect();
        let mut all: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (&**name, &**value)).collect();
        all.extend(fields);
        let action = page.url.join(&attribute(head, "action").unwrap_or_default()).unwrap();
        let page = self.request(Method::POST, action, &all).await;
        self.go_on(page).await
    }

    async fn go_on(&mut self, mut page: Page) -> Page {
        while let Some(next) = page.leads_to() {
            page = self.open(&next).await;
        }
        page
    }

    async fn request(&mut self, method: Method, url: Url, form: &[(&str, &str)]) -> Page {
        let origin = url.origin().ascii_serialization();
        let ours = self.cookies.iter().filter(|((at, _), _)| *at == origin);
        let cookies: Vec<_> = ours.map(|((_, name), value)| format!("{name}={value}")).collect();
        let mut request = self.http.request(method.clone(), url.clone()).header(COOKIE, cookies.join("; "));
        if method == Method::POST {
            request = request.form(form);
        }
        let answer = request.send().await.unwrap();
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert((origin.clone(), name.to_owned()), value.to_owned());
        }
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Page { url, status, headers, html: answer.text().await.unwrap() }
    }
}

impl Page {
    /// Where the page sends the browser, if it does.
    pub(super) fn leads_to(&self) -> Option<Url> {
        let next = self.headers.get(LOCATION)?.to_str().unwrap();
        Some(self.url.join(next).unwrap())
    }

    /// The code the customer can quote.
    pub(super) fn code(&self) -> Option<&str> {
        self.html.split_once("<code>")?.1.split_once("</code>").map(|(code, _)| code)
    }
}

/// The value of a query parameter.
pub(super) fn parameter(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split_once(&format!(" {name}=\""))?.1.split_once('"')?.0;
    Some(value.replace("&quot;", "\"").replace("&#34;", "\"").replace("&#38;", "&").replace("&amp;", "&"))
}
