#!/usr/bin/python
"""Ask the gate of a Secateur box, through secateur remote."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: gate
short_description: Ask the gate of a Secateur box
description:
  - Asks a box over SSH by C(secateur remote --json) and returns the JSON objects that it answers with.
  - It runs where Ansible runs (C(connection=local) or C(delegate_to=localhost)); the box needs no Python and gives no shell.
options:
  host:
    description: The box, as ssh knows it. V(USER@HOST) for another account than secateur-ssh.
    required: true
    type: str
  verb:
    description: What is asked for.
    required: true
    type: str
    choices: [status, models, logs, doctor, put, retrain, cancel, promote, confirm, rollback]
  values:
    description: Its words key=value, as in V({set: monday, follow: "yes"}).
    type: dict
    default: {}
  directory:
    description: With V(verb=put) the folder of pictures, DIR/CLASS/*.
    type: path
  port:
    description: Port of the box's sshd.
    type: int
  identity:
    description: File of the private key.
    type: path
  program:
    description: The program on this side.
    type: str
    default: secateur
  accept:
    description: Exit codes of the gate that are no failure beside 0, as V(75) for a box that is busy.
    type: list
    elements: int
    default: []
"""

EXAMPLES = r"""
- secateur.box.gate: {host: box7, verb: status}
  register: box
- secateur.box.gate: {host: box7, verb: retrain, values: {set: monday, follow: "yes"}}
"""

RETURN = r"""
rc: {description: Exit code of the gate. 6 - the golden set refused the model, type: int, returned: always}
answers: {description: The JSON objects of the answer in their order, type: list, returned: always}
answer: {description: The last of them, type: dict, returned: always}
refused: {description: Whether the golden set refused a model, type: bool, returned: always}
"""

import json

from ansible.module_utils.basic import AnsibleModule

CHANGES = ("put", "retrain", "cancel", "promote", "confirm", "rollback")
CODES = {
    6: "the golden set refused the model; the live one is as it was",
    64: "the gate refused the line",
    65: "the data cannot be used",
    69: "over a limit of this key",
    73: "no space on the box",
    74: "the box cannot write its audit",
    75: "another job is there",
    77: "not for this key",
    130: "the job was cancelled",
    255: "ssh did not reach the box",
}


def command(p):
    argv = [p["program"], "remote", "--json", "--quiet"]
    if p["port"]:
        argv += ["--port", str(p["port"])]
    if p["identity"]:
        argv += ["--identity", p["identity"]]
    argv += ["--", p["host"], p["verb"]]
    argv += ["%s=%s" % (k, v) for k, v in sorted(p["values"].items())]
    if p["verb"] == "put":
        argv.append(p["directory"])
    return argv


def objects(text):
    found = []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def main():
    module = AnsibleModule(
        argument_spec=dict(
            host=dict(type="str", required=True),
            verb=dict(type="str", required=True, choices=["status", "models", "logs", "doctor"] + list(CHANGES)),
            values=dict(type="dict", default={}),
            directory=dict(type="path"),
            port=dict(type="int"),
            identity=dict(type="path"),
            program=dict(type="str", default="secateur"),
            accept=dict(type="list", elements="int", default=[]),
        ),
        required_if=[("verb", "put", ["directory"])],
        supports_check_mode=True,
    )
    p = module.params
    changes = p["verb"] in CHANGES
    if module.check_mode and changes:
        module.exit_json(changed=True, rc=0, answers=[], answer={}, refused=False)
    rc, out, err = module.run_command(command(p))
    answers = objects(out)
    result = dict(rc=rc, answers=answers, answer=answers[-1] if answers else {}, refused=rc == 6, changed=changes and rc == 0)
    if rc != 0 and rc not in p["accept"]:
        said = (err.strip().splitlines() or ["no message"])[-1]
        module.fail_json(msg="%s of %s: exit %d, %s: %s" % (p["verb"], p["host"], rc, CODES.get(rc, "it failed"), said), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
