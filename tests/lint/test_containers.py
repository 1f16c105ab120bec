#!/usr/bin/python3
"""docker-compose.yml and Dockerfile against each other, config/ and the binary, where no container engine is at hand.

Needs python3-yaml and, in CONNECTOR, a built `connector` (the binary is asked whether it knows each command).
"""

import os
import pathlib
import re
import subprocess
import tomllib
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
ROLES = ["consent-producer", "fetch-workers", "normalizer", "categorizer", "lander", "query-api"]
ONCE = ["migrate", "topics", "schemas"]


def ours():
    return {name: service for name, service in SERVICES.items() if "build" in service}


def conditions(service):
    return {name: rule["condition"] for name, rule in service.get("depends_on", {}).items()}


def strongest(service):
    """The most a service can be waited for."""
    if "healthcheck" in service:
        return "service_healthy"
    return "service_completed_successfully" if service.get("restart") == "no" else "service_started"


def sources(entries):
    """Names of configs, secrets and volumes, in the short and in the long spelling."""
    return [entry["source"] if isinstance(entry, dict) else entry.split(":")[0] for entry in entries]


class Compose(unittest.TestCase):
    def test_every_role_and_every_one_shot_job_is_a_service_of_its_own(self):
        self.assertEqual(sorted(ours()), sorted(ROLES + ONCE + ["sandbox-bank"]))
        for name, service in ours().items():
            self.assertEqual(service["command"][0], name)

    def test_every_image_is_pinned_to_a_version(self):
        for name, service in SERVICES.items():
            tag = service["image"].split(":", 1)[1]
            wanted = r"\$\{CONNECTOR_VERSION:-local\}$" if name in ours() else r"v?\d+\.\d+"
            self.assertRegex(tag, wanted, name)

    def test_every_role_and_job_has_its_configuration_file_mounted(self):
        for name in ROLES + ONCE:
            self.assertIn("./config:/etc/connector:ro", SERVICES[name]["volumes"], name)
            file = pathlib.Path(SERVICES[name]["command"][-1])
            self.assertEqual(str(file.parent), "/etc/connector", name)
            self.assertTrue((ROOT / "config" / file.name).is_file(), f"config/{file.name} is missing")

    def test_the_binary_knows_every_command_and_its_options(self):
        connector = os.environ.get("CONNECTOR")
        self.assertTrue(connector, "set CONNECTOR to a built connector binary")
        for name, service in ours().items():
            answer = subprocess.run([connector, *service["command"], "--help"], capture_output=True, text=True)
            self.assertEqual(answer.returncode, 0, f"{name}: {answer.stderr}")

    def test_everybody_waits_for_the_strongest_sign_there_is(self):
        for name, service in SERVICES.items():
            for other, condition in conditions(service).items():
                self.assertEqual(condition, strongest(SERVICES[other]), f"{name} waits for {other}")

    def test_what_always_runs_waits_for_nothing_that_a_profile_can_leave_out(self):
        for name, service in SERVICES.items():
            for other in conditions(service):
                missing = set(SERVICES[other].get("profiles", [])) - set(service.get("profiles", []))
                self.assertFalse(missing, f"{name} waits for {other}")

    def test_every_role_waits_for_every_job(self):
        for role in ROLES:
            self.assertEqual(sorted(conditions(SERVICES[role])), sorted(ONCE), role)

    def test_nothing_waits_in_a_circle(self):
        def walk(name, path):
            self.assertNotIn(name, path)
            for other in conditions(SERVICES[name]):
                walk(other, path + [name])

        for name in SERVICES:
            walk(name, [])

    def test_every_secret_config_and_volume_is_declared_and_every_declared_one_is_used(self):
        for kind in ("secrets", "configs", "volumes"):
            used = {name for service in SERVICES.values() for name in sources(service.get(kind, []))}
            self.assertEqual({name for name in used if not name.startswith(".")}, set(COMPOSE[kind]), kind)

    def test_no_password_stands_in_the_file(self):
        for name, service in SERVICES.items():
            for key in service.get("environment", {}):
                if re.search("PASSWORD|SECRET|TOKEN|KEY", key):
                    self.assertTrue(key.endswith("_FILE"), f"{name}: {key}")

    def test_the_sandbox_bank_is_who_its_profile_says(self):
        profile = tomllib.loads((ROOT / "config/institutions/sandbox-uk.toml").read_text())
        options = dict(word[2:].split("=", 1) for word in SERVICES["sandbox-bank"]["command"] if word.startswith("--"))
        client, address = profile["client"], options["public-url"]
        self.assertEqual(client["issuer"], address)
        self.assertTrue(profile["base_url"].startswith(f"{address}/"))
        self.assertEqual(client["id"], options["client-id"])
        self.assertEqual(client["secret"], {"file": "/run/secrets/sandbox_client_secret"})

    def test_no_port_is_published_twice_or_beyond_this_machine(self):
        ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
        self.assertEqual(len({port.split(":")[1] for port in ports}), len(ports))
        self.assertTrue(all(port.startswith("127.0.0.1:") for port in ports), ports)

    def test_configuration_written_inside_the_file_is_yaml_too(self):
        for service in SERVICES.values():
            for config in service.get("configs", []):
                if config["target"].endswith((".yaml", ".yml")):
                    content = COMPOSE["configs"][config["source"]]["content"]
                    self.assertIsInstance(yaml.safe_load(content), dict, config["source"])

    def test_prometheus_scrapes_every_role(self):
        (job,) = yaml.safe_load(COMPOSE["configs"]["prometheus"]["content"])["scrape_configs"]
        self.assertEqual(sorted(job["dns_sd_configs"][0]["names"]), sorted(ROLES))


class Image(unittest.TestCase):
    def test_it_is_built_with_the_toolchain_of_the_repository(self):
        channel = tomllib.loads((ROOT / "rust-toolchain.toml").read_text())["toolchain"]["channel"]
        self.assertIn(f"FROM rust:{channel}-", DOCKERFILE)

    def test_it_is_built_locked_and_without_the_embedded_set_up(self):
        build = re.search(r"cargo build (.+)", DOCKERFILE)[1]
        for option in ("--locked", "--release", "--no-default-features"):
            self.assertIn(option, build)

    def test_it_does_not_run_as_root(self):
        user = re.findall(r"^USER (\d+)", DOCKERFILE, re.MULTILINE)[-1]
        self.assertGreater(int(user), 0)

    def test_everything_copied_exists_and_is_sent_to_the_builder(self):
        kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
        for path in kept + re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.MULTILINE):
            self.assertTrue((ROOT / path).exists(), path)
        for path in re.findall(r"^COPY (?!--from|\.)(\S+)", DOCKERFILE, re.MULTILINE):
            self.assertIn(path, kept)

    def test_every_crate_of_the_workspace_is_sent_to_the_builder(self):
        members = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["members"]
        kept = (ROOT / ".dockerignore").read_text()
        for member in members:
            self.assertIn(f"!{member.split('/')[0]}", kept)


if __name__ == "__main__":
    unittest.main()
