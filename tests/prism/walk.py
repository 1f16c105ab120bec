"""The journey that check.sh watches: consent, approval by a customer, accounts, balances, every page of transactions.

Usage: walk.py BANK_URL PROXY_URL CLIENT_ID CLIENT_SECRET REDIRECT_URI
Resources are read through the proxy, the authorisation server directly. Any violation ends the walk with status 1.
"""

import base64
import hashlib
import html.parser
import http.cookiejar
import json
import secrets
import sys
import urllib.error
import urllib.parse
import urllib.request

BANK, PROXY, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI = (argument.rstrip("/") for argument in sys.argv[1:6])
REDIRECT_URI = sys.argv[5]
RESOURCES = BANK + "/open-banking/v4.0/aisp"
ALL = ["ReadAccountsDetail", "ReadBalances", "ReadTransactionsDetail", "ReadTransactionsCredits", "ReadTransactionsDebits"]
BASIC = ["ReadAccountsBasic", "ReadTransactionsBasic", "ReadTransactionsDebits"]
checked = 0


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Form(html.parser.HTMLParser):
    """The first form of a page: where it goes and what it sends untouched."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields = None, []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.action = attributes["action"]
        elif tag == "input" and (attributes.get("type") == "hidden" or "checked" in attributes):
            self.fields.append((attributes["name"], attributes["value"]))


def send(opener, request):
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read()


def direct():
    return urllib.request.build_opener(NoRedirects, urllib.request.ProxyHandler({}))


def resource(method, path, token, expected, body=None):
    """One request through the proxy; it must be answered as expected and without a violation."""
    global checked
    data = json.dumps(body).encode() if body is not None else None
    headers = {"Authorization": f"Bearer {token}", "x-fapi-interaction-id": "f3b1d7a0-5f0e-4c57-9a57-0b1f7f3c2d11"}
    if data:
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(PROXY + path, data, headers, method=method)
    status, headers, answer = send(direct(), request)
    violations = headers.get("sl-violations")
    if status != expected or violations or "problem+json" in headers.get("Content-Type", ""):
        sys.exit(f"{method} {path}: {status} instead of {expected}\n{violations or answer.decode(errors='replace')[:4000]}")
    checked += 1
    return json.loads(answer) if answer else None


def token(**form):
    credentials = base64.b64encode(f"{urllib.parse.quote(CLIENT_ID)}:{urllib.parse.quote(CLIENT_SECRET)}".encode())
    headers = {"Authorization": "Basic " + credentials.decode()}
    data = urllib.parse.urlencode(form).encode()
    status, _, answer = send(direct(), urllib.request.Request(BANK + "/token", data, headers))
    if status != 200:
        sys.exit(f"no token: {status} {answer.decode(errors='replace')}")
    return json.loads(answer)


def submit(browser, page, **fields):
    form = Form(page)
    data = urllib.parse.urlencode([*form.fields, *fields.items()]).encode()
    return send(browser, urllib.request.Request(urllib.parse.urljoin(BANK, form.action), data))


def approve(consent, customer):
    """Signs the customer in, approves all accounts, and redeems the code."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    claims = {"id_token": {"openbanking_intent_id": {"value": consent, "essential": True}}}
    query = urllib.parse.urlencode({
        "response_type": "code", "client_id": CLIENT_ID, "redirect_uri": REDIRECT_URI, "scope": "openid accounts",
        "state": "state", "nonce": "nonce", "code_challenge": challenge, "code_challenge_method": "S256",
        "claims": json.dumps(claims),
    })
    browser = direct()
    browser.add_handler(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    _, _, page = send(browser, f"{BANK}/authorize?{query}")
    _, _, page = submit(browser, page.decode(), username=customer["username"], password=customer["password"])
    status, headers, _ = submit(browser, page.decode(), decision="approve")
    back = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(headers.get("Location", "")).query))
    if status != 303 or back.get("state") != "state" or back.get("iss") != BANK:
        sys.exit(f"the approval did not come back as asked: {status} {back}")
    form = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": REDIRECT_URI}
    return token(**form, code_verifier=verifier)["access_token"]


def create(permissions):
    client = token(grant_type="client_credentials", scope="accounts")["access_token"]
    terms = {"Permissions": permissions, "ExpirationDateTime": "2099-12-31T00:00:00+00:00",
             "TransactionFromDateTime": "2000-01-01T00:00:00+00:00"}
    body = {"Data": terms, "Risk": {}}
    consent = resource("POST", "/account-access-consents", client, 201, body)["Data"]["ConsentId"]
    return client, consent


def read_transactions(account, access):
    """Every page, by the bank's own links; the filter carries a zone because the description asks for one."""
    path = f"/accounts/{account}/transactions?fromBookingDateTime=2001-01-01T00:00:00Z"
    rows = 0
    while path:
        page = resource("GET", path, access, 200)
        rows += len(page["Data"]["Transaction"])
        following = page["Links"].get("Next")
        if following and not following.startswith(RESOURCES):
            sys.exit(f"the next page is not at the bank: {following}")
        path = following and following[len(RESOURCES):]
    return rows


def walk(customer, permissions):
    client, consent = create(permissions)
    resource("GET", f"/account-access-consents/{consent}", client, 200)
    access = approve(consent, customer)
    if resource("GET", f"/account-access-consents/{consent}", client, 200)["Data"]["Status"] != "AUTH":
        sys.exit("the consent is not authorised after the approval")
    rows = 0
    for account in resource("GET", "/accounts", access, 200)["Data"]["Account"]:
        path = f"/accounts/{account['AccountId']}"
        resource("GET", path, access, 200)
        resource("GET", f"{path}/balances", access, 200 if "ReadBalances" in permissions else 403)
        rows += read_transactions(account["AccountId"], access)
    resource("GET", "/accounts/nobody", access, 400)
    resource("DELETE", f"/account-access-consents/{consent}", client, 204)
    resource("GET", f"/account-access-consents/{consent}", client, 400)
    resource("GET", "/accounts", access, 401)
    if not rows:
        sys.exit(f"{customer['persona']} has no transactions")
    print(f"{customer['persona']}: {rows} rows")


_, _, answer = send(direct(), BANK + "/_sandbox/customers")
customers = json.loads(answer)
personas = {customer["persona"]: customer for customer in reversed(customers)}
for customer in personas.values():
    walk(customer, ALL)
walk(customers[0], BASIC)
print(f"{checked} answers agree with the official description")
