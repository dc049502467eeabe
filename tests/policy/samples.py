"""Policies that several tests load, and how a fault is read out of one."""

from __future__ import annotations

import pytest

from relgate.errors import Fault, PolicyError
from relgate.policy import load

# The sample of the public contract, word for word.
CONTRACT = """\
relgate: 1
service: aura-api
environments:
  staging:
    candidate: {url: "https://canary.staging.example"}
    baseline: {url: "https://staging.example"}
signals:
  requests: {probe: {rate: 20/s, get: [/api/projects, /api/version]}}
  health: {poll: {every: 30s, get: /api/health/system}}
  memory: {scrape: {get: /metrics, metric: process_resident_memory_bytes}}
  queue-depth: {promql: 'sum(queue_depth{deployment="$side"})'}
migrations: {alembic: alembic.ini}          # or {sql: migrations/}, {django: manage.py}, {command: ...}
gates:
  health: {signal: health, warn: degraded, fail: [down, "failing 3 in a row"]}
  latency-p95: {signal: requests.latency, quantile: 95%, fail: "> 2000ms"}
  error-rate: {signal: requests.errors, fail: "> 300% of baseline"}
  memory-growth: {signal: memory.growth, fail: "> 500MB"}
  queue: {signal: queue-depth, fail: "> 1000 for 15m", on_fail: hold}
stages:
  - {name: canary-5, traffic: 5%, bake: 10m, run: canary, require: [health, latency-p95, error-rate, memory-growth]}
"""

SMALLEST = """\
relgate: 1
service: shop
environments: {here: {candidate: {url: "http://127.0.0.1:8000"}}}
signals: {requests: {probe: {rate: 20/s, get: /}}}
gates: {latency-p95: {signal: requests, quantile: 95%, fail: "> 2s"}}
stages: [{name: canary}]
"""

# Everything that the language has, in one policy.
WHOLE = """\
relgate: 1
service: group/aura-api
confidence: 99%
risk: {false_rollback: 2%}
noise: {host_drift: 3%, over: 50s}
hold_for: 2h
then: hold
redact: ["(?i)api[-_]?key=\\\\S+"]
environments:
  staging:
    candidate: {url: "https://canary.example", headers: {X-Env: canary}, log: {file: logs/canary.jsonl}, instances: [
      "https://pod-1.canary.example", "env:POD_2"]}
    baseline: {url: "env:BASELINE_URL", auth: {bearer: file:/run/secrets/token}}
    auth: {basic: {user: bob, password: env:PW}}
    tls: {verify: false, ca: certs/ca.pem}
    prometheus: {url: "http://prom:9090", auth: {header: {X-Scope: env:SCOPE}}}
    alertmanager: {url: "http://am:9093"}
    labels: {candidate: canary, baseline: stable}
    noise: {host_drift: 0%, over: 1m, bursts: 500ms}
    router:
      url: "env:ENTRANCE"
      version: {get: /version, header: X-Version}
      asks: 100
      health: /ready
      instances: {a: "http://a", b: "http://b"}
      haproxy: {socket: env:SOCKET, backend: shop, candidate: green, baseline: [blue, blue-2]}
    read_only: true
  lab:
    candidate: {url: "http://new"}
    prometheus: {url: "http://prom:9090"}
    alertmanager: {url: "http://am:9093"}
    router: {url: "http://shop", version: {get: /v, pointer: /v}, nginx: {include: /etc/relgate.conf, candidate: a,
      baseline: b, test: nginx -t, reload: nginx -s reload}}
  cluster:
    candidate: {url: "http://new"}
    prometheus: {url: "http://prom:9090"}
    alertmanager: {url: "http://am:9093"}
    router: {url: "http://shop", version: {get: /v, pointer: /v}, kubectl: {candidate: a, baseline: b, replicas: 10,
      namespace: prod, context: blue, container: shop, timeout: 2m}}
  other:
    candidate: {url: "http://new"}
    prometheus: {url: "http://prom:9090"}
    alertmanager: {url: "http://am:9093"}
    router: {url: "http://shop", version: {get: /v, pointer: /v}, command: {set: give, read: ask, timeout: 10s}}
signals:
  requests:
    probe:
      rate: 10/min
      requests:
        - {path: /a, method: POST, headers: {x-one: "2"}, json: {page: 1}, expect: {status: [200, 404], json: true}}
        - {path: "/b?c=d", body: text}
      headers: {X-One: "1", X-Two: "2"}
      timeout: 500ms
      http: 2
      connections: 8
      expect: {status: 200-399, content_type: application/json, contains: ok}
      ids: {header: X-Id, send: false, echo: true, format: uuid, look_up: 5}
  health: {poll: {every: 1s, get: /h, timeout: 2s, format: aspnet, components: db, max_age: 60s, version: /version}}
  cpu: {scrape: {metric: process_cpu_seconds_total, labels: {job: x}, every: 2s, instance_label: pod}}
  depth: {promql: "depth{s='$side'}", every: 30s, unit: bytes}
  depth-too: {promql: {query: depth, every: 20s, instance_label: pod}}
  stats: {json: {get: /api/stats, pointer: /queue/depth, unit: share}}
  alerts: {alerts: {every: 1m, from: alertmanager, match: {severity: critical}}}
migrations: {command: make migrate}
preflight:
  checks:
    unit: {run: make test, expect: all_pass, format: tap, timeout: 20m, ignore: skipped}
    audit: {run: make audit, expect: no_critical, format: sarif, exit: [0, 1], ignore: [CVE-1]}
    space: {run: make disk, number: "< 80%"}
    nodes: {run: make nodes, matches: '3 Ready'}
    built: {run: make}
  windows:
    allow: ["Tue-Thu 10:00-16:00 America/Los_Angeles", "Sat,Mon 22:00-02:00 UTC"]
    holidays: US-CA
    freeze: [{from: 2026-12-20 UTC, to: "2027-01-02 08:00 Europe/Berlin", reason: nobody is there}]
    runway: 1h
    except: [hotfix, emergency]
  facts: [version, ticket]
  approvals: {least: {regular: 1, hotfix: 2}, not: author, people: {ann: [ann-gh, ann@example.org]}, review: hotfix,
    github: {repo: acme/shop, token: env:GITHUB_TOKEN, api: "https://github.example/api/v3"}}
  attestations: {qa-sign-off: {}, rollback-owner: {max_age: 24h, any_release: true}}
  disk: {/: 20%, data: 5.5%}
  certificates: {hosts: [shop.example, "10.0.0.1:8443", "[::1]"], valid_for: 30d, ca: certs/ca.pem}
  artifacts:
    checksums: [dist/SHA256SUMS, dist/shop.zip.sha256]
    covers: dist/*.whl
    sbom: dist/sbom.json
    versions:
      package: {file: pyproject.toml, pointer: /project/version}
      page: {get: /, pattern: 'version ([0-9.]+)'}
      site: {get: "https://shop.example/version.json", pointer: /version}
      tag: {tag: "v{version}"}
    bump: "v{version}"
    notes: CHANGELOG.md
    attributions: [attributions.txt]
  flags:
    ofrep: env:FLAGS_URL
    "off": [new-checkout, new-search] # quoted for readers of YAML 1.1
    "on": imports
    is: {plan: pro, limit: 5, tiers: [a, b]}
    context: {targetingKey: somebody, plan: pro}
    headers: {Authorization: env:FLAGS_TOKEN}
    reasons: [STATIC, CACHED]
    timeout: 5s
  secrets: {tree: src, exclude: [tests/*], without: KeywordDetector, known: .secrets.baseline, timeout: 5m}
  baseline: {stages: [canary-5, after], environment: lab, max_age: 7d}
  headers:
    get: [/, /login]
    require: [Content-Security-Policy, Strict-Transport-Security]
    cors: {allow: "https://app.example", refuse: ["https://else.example", "null"], methods: [POST, DELETE]}
gates:
  p99:
    signal: requests
    quantile: 99.9%
    fail: ["> 800ms", "> 2x baseline"]
    warn: "> baseline + 10%"
    severity: blocker
    confidence: 90%
    weight: 2
    worse_by: 150%
    min_samples: 100
    next_steps: [look, think]
    owner: team
    description: what users feel
    runbook: https://wiki.example/p99
    warmup: 20s
    watch: true
    during: {release: {fail: "> 500ms", min_samples: 200}}
  shape: {signal: requests, quantile: all, fail: "> baseline + 5%", warn: "> 1.02x baseline", worse_by: 20%}
  errors: {signal: requests.errors, fail: "> baseline + 1pp for 5m"}
  served: {signal: requests.throughput, fail: "< 90% of baseline", family: load}
  ids: {signal: requests.ids}
  version: {signal: health.version}
  health: {signal: health}
  cores: {signal: cpu.rate, fail: "> 2"}
  depth: {signal: depth.trend, fail: "> 10MB/min"}
  depth-too: {signal: depth-too, fail: "> 0"}
  stats: {signal: stats, warn: "> 80%, 3 in a row", over: mean}
  alerts: {signal: alerts, fail: any, family: preflight}
  preflight-unit: {severity: blocker, owner: team, family: preflight, on_fail: hold}
  login: {signal: null, family: smoke, next_steps: try it by hand}
  own: {signal: null, fail: "> 3ms"}
phases:
  release: {risk: {false_promotion: 0.5%}, gates: {errors: {fail: "> 1%", severity: blocker}, shape: {worse_by: 10%}}}
stages:
  - {name: preflight, run: preflight, bake: 30s}
  - {name: canary-5, traffic: 0.5%, bake: 10m, warmup: 1m, run: [canary, smoke], during: release, look_every: 1s,
     marks: [1m, 5m]}
  - {name: after, traffic: 100%, warmup: found, run: [postdeploy, migration], require: [p99, migration, preflight]}
rollout:
  strategy: blue-green
  stages: [preflight, canary-5, after]
  watch_every: 2s
  rto: 4m
  standby: 24h
  hooks: {deploy: ./up, replace: ./swap, flags: ./flags, restore: ./back, notify: ./tell, page: ./page, retire: ./end}
"""


def faults_of(text: str) -> tuple[Fault, ...]:
    """Return the faults of a policy that must have some."""
    with pytest.raises(PolicyError) as caught:
        load(text)
    return caught.value.faults


def lines_of(text: str) -> list[str]:
    """Return the faults of a policy as a user reads them."""
    return [str(fault) for fault in faults_of(text)]
