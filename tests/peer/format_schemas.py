"""The public schemas and models that formats are held to, as far as they are at hand."""

import importlib.util
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

SERDE_SARIF, PYTEST = "0.8.0", "pytest>=9,<10"


def fetch(folder):
    """The two schemas that no installed package holds, through cargo and pip."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "src").mkdir(exist_ok=True)
    (folder / "src" / "lib.rs").write_text("", encoding="ascii")
    (folder / "Cargo.toml").write_text(
        '[package]\nname = "schemas"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n'
        f'[dependencies]\nserde-sarif = {{ version = "={SERDE_SARIF}", '
        'default-features = false }\n', encoding="ascii")
    told = subprocess.run(["cargo", "metadata", "--format-version", "1", "--manifest-path",
                           folder / "Cargo.toml"], check=True, capture_output=True, text=True)
    package = next(p for p in json.loads(told.stdout)["packages"] if p["name"] == "serde-sarif")
    sarif = Path(package["manifest_path"]).parent / "src" / "schema.json"
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                    "--disable-pip-version-check", "--no-binary", "pytest", "--dest", folder,
                    PYTEST], check=True)
    archive = next(folder.glob("pytest-*.tar.gz"))
    with tarfile.open(archive) as tar:
        member = next(m for m in tar.getmembers() if m.name.endswith("/junit-10.xsd"))
        (folder / "junit-10.xsd").write_bytes(tar.extractfile(member).read())
    return sarif, folder / "junit-10.xsd"


class Schemas:
    """What is at hand to hold formats against, and what is not."""

    def __init__(self, args):
        self.missing = []
        sarif, junit = args.sarif_schema, args.junit_schema
        if args.fetch:
            sarif, junit = fetch(args.fetch.resolve())
        self.sarif = self.of("the JSON Schema of SARIF 2.1.0", "jsonschema", sarif, self._sarif)
        self.junit = self.of("the XML Schema of JUnit", "xmlschema", junit, self._junit)
        self.ocsf = self.of("OCSF 1.6.0", "ocsf_json_schema", True, self._ocsf) or {}
        self.models = self.of("models of OCSF", "py_ocsf_models", True, self._models)
        self.asff = self.of("the service model of Security Hub", "botocore", True, self._asff)
        self.hub = self.of("a server that imports findings", "moto", True, self._hub)
        for module in ("junitparser", "markdown_it", "linkify_it", "cmarkgfm",
                       "prometheus_client", "trestle", "in_toto_attestation"):
            self.of(f"the package {module}", module, True, lambda _: True)

    def of(self, what, module, file, load):
        if not file or importlib.util.find_spec(module) is None:
            print(f"MISSING {what}: nothing holds the format to it", flush=True)
            self.missing.append(what)
            return None
        return load(file)

    @staticmethod
    def _sarif(file):
        from jsonschema import Draft7Validator, FormatChecker

        schema = json.loads(Path(file).read_text(encoding="utf-8"))
        return Draft7Validator(schema, format_checker=FormatChecker())

    @staticmethod
    def _junit(file):
        import xmlschema

        return xmlschema.XMLSchema(str(file))

    @staticmethod
    def _ocsf(_):
        from jsonschema import Draft202012Validator
        from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

        made = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.6.0"))
        classes = {2003: "compliance_finding", 2004: "detection_finding"}
        return {uid: Draft202012Validator(made.get_class_schema(name, ["cloud"]))
                for uid, name in classes.items()}

    @staticmethod
    def _models(_):
        from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
        from py_ocsf_models.events.findings.detection_finding import DetectionFinding

        return {2003: ComplianceFinding, 2004: DetectionFinding}

    @staticmethod
    def _asff(_):
        import botocore.session

        model = botocore.session.get_session().get_service_model("securityhub")
        return model.operation_model("BatchImportFindings").input_shape

    @staticmethod
    def _hub(_):
        import botocore.session
        from moto import mock_aws

        os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        mock_aws().start()
        session = botocore.session.get_session()
        return session.create_client("securityhub", region_name="us-east-1")
