"""What programs do by docker-py. Called with a socket and the name of a scenario; prints a line of JSON a step: its value, or its error's status and explanation."""

import io
import json
import sys
import tarfile
import time

import docker
from docker.errors import APIError

client = docker.DockerClient(base_url=f"unix://{sys.argv[1]}", version="1.41", timeout=60)
api = client.api
alone = {"network_mode": "none"}


def step(name, act):
    try:
        print(json.dumps({"step": name, "value": act()}, default=plain, sort_keys=True))
    except APIError as error:
        print(json.dumps({"step": name, "status": error.status_code, "explanation": error.explanation}))
    except docker.errors.DockerException as error:
        print(json.dumps({"step": name, "error": type(error).__name__, "text": str(error)}))


def plain(value):
    return value.decode("latin1") if isinstance(value, bytes) else f"<{type(value).__name__}>"


def shell(script, **more):
    return {"image": "bb", "command": ["sh", "-c", script], **alone, **more}


def state_of(container):
    container.reload()
    state = container.attrs["State"]
    names = ["Status", "Running", "Paused", "Restarting", "OOMKilled", "Dead", "ExitCode", "Error"]
    return {name: state[name] for name in names} | {"name": container.name, "status": container.status}


def archive(**members):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            info.uid, info.gid, info.mode = 5, 6, 0o640
            tar.addfile(info, io.BytesIO(text.encode()))
    return data.getvalue()


def names_in(chunks):
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        return [(each.name, each.size, each.mode & 0o7777, each.uid, each.gid) for each in tar]


def life():
    containers = client.containers
    step("run", lambda: containers.run(**shell("echo out; sleep 0.3; echo err >&2"), stderr=True, name="py"))
    step("run a second of the name", lambda: containers.run(**shell("true"), name="py"))
    step("failing run", lambda: str(failure(lambda: containers.run(**shell("echo bad >&2; exit 3"), remove=True))))
    step("run nothing", lambda: containers.create("gone", **alone))
    step("run what can't be run", lambda: containers.run("bb", ["no-such-command"], name="unstartable", **alone))
    step("its state", lambda: state_of(containers.get("unstartable")))
    step("state", lambda: state_of(containers.get("py")))
    step("get nothing", lambda: containers.get("gone"))
    step("start", lambda: containers.get("py").start())
    step("wait", lambda: containers.get("py").wait())
    step("rename", lambda: containers.get("py").rename("yp"))
    step("list", lambda: [each.name for each in containers.list(all=True, filters={"name": "yp"})])
    step("list by status", lambda: [each.name for each in containers.list(filters={"status": "exited"})])
    step("list by exit code", lambda: sorted(each.name for each in containers.list(all=True, filters={"exited": 127})))
    step("an unknown filter", lambda: containers.list(filters={"color": "red"}))
    step("long", lambda: state_of(containers.run(**shell("exec sleep 1000"), detach=True, name="long")))
    step("wait too short", lambda: failure(lambda: containers.get("long").wait(timeout=1)).__class__.__name__)
    step("stop", lambda: containers.get("long").stop(timeout=0))
    step("stop again", lambda: containers.get("long").stop())
    step("state after stop", lambda: state_of(containers.get("long")))
    step("kill of a stopped one", lambda: containers.get("long").kill())
    step("restart", lambda: containers.get("long").restart(timeout=0))
    step("kill with a number", lambda: containers.get("long").kill(9))
    step("wait for it", lambda: containers.get("long").wait())
    step("diff", lambda: containers.get("long").diff())
    step("removed", lambda: [containers.get(name).remove(v=True) for name in ["yp", "long", "unstartable"]])


def failure(act):
    try:
        return act()
    except Exception as error:  # whatever comes is what is compared
        return error


def streams():
    containers = client.containers
    many = containers.create(**shell("seq 1 3; sleep 0.3; echo err >&2"), name="many")
    step("start", many.start)
    step("wait", many.wait)
    step("logs", lambda: many.logs())
    step("logs of one", lambda: many.logs(stdout=False))
    step("tail", lambda: many.logs(tail=1, stderr=False))
    step("streamed", lambda: b"".join(many.logs(stream=True)))
    step("since", lambda: many.logs(since=int(time.time()) + 100))
    step("attach", lambda: attached())
    step("stdin by a socket", lambda: through_socket("cat; echo end >&2"))
    step("terminal", lambda: terminal())
    step("removed", lambda: [each.remove(force=True) for each in containers.list(all=True)])


def attached():
    container = client.containers.create(**shell("echo out; sleep 0.2; echo err >&2"), name="attached")
    output = container.attach(stream=True, stdout=True, stderr=True, demux=True)
    container.start()
    parts = list(output)
    return [b"".join(one or b"" for one, _ in parts), b"".join(two or b"" for _, two in parts)]


def through_socket(script):
    container = client.containers.create(**shell(script, stdin_open=True), name="socket")
    socket = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    container.start()
    socket._sock.sendall(b"piped\n")
    first = socket.read(8 + 6)
    socket.close()
    container.kill()
    return [first, container.wait()["StatusCode"]]


def terminal():
    container = client.containers.create(**shell("tty; echo done", tty=True), name="tty")
    container.start()
    container.wait()
    return container.logs()


def files():
    container = client.containers.create(**shell("cat /etc/new"), name="files")
    step("put", lambda: container.put_archive("/etc", archive(new="text", other="more")))
    step("get", lambda: get_archive(container, "/etc/new"))
    step("get nothing", lambda: container.get_archive("/gone"))
    step("put to nowhere", lambda: container.put_archive("/gone", archive(x="")))
    step("put to a file", lambda: container.put_archive("/etc/new", archive(x="")))
    step("put no archive", lambda: container.put_archive("/etc", b"x" * 700))
    step("diff", lambda: sorted((each["Kind"], each["Path"]) for each in container.diff()))
    step("export", lambda: [each for each in names_in(container.export()) if "etc/new" in each[0]])
    step("commit", lambda: committed(container))
    step("run of it", lambda: client.containers.run("py/files:1", remove=True, **alone))
    step("remove", container.remove)
    step("remove image", lambda: client.images.remove("py/files:1"))


def get_archive(container, path):
    chunks, stat = container.get_archive(path)
    return [names_in(chunks), {key: stat[key] for key in ["name", "size", "mode", "linkTarget"]}]


def committed(container):
    image = container.commit("py/files", "1", message="m", author="a", changes='CMD ["cat", "/etc/other"]')
    return [image.tags, image.attrs["Config"]["Cmd"], image.attrs["Comment"], image.attrs["Author"]]


def images():
    step("list", lambda: [image.tags for image in client.images.list("bb")])
    step("tag", lambda: client.images.get("bb").tag("py/image", "1"))
    step("tags", lambda: sorted(client.images.get("bb").tags))
    step("history", lambda: [sorted(each) for each in client.images.get("bb").history()])
    step("import", lambda: sorted(json.loads(api.import_image_from_data(archive(f="x"), "py/import", "1"))))
    step("remove", lambda: [client.images.remove(name) for name in ["py/image:1", "py/import:1"]])
    step("remove nothing", lambda: client.images.remove("gone"))
    step("remove a used one", lambda: in_use())


def mistakes():
    step("get nothing", lambda: client.images.get("gone"))
    step("a bad tag", lambda: client.images.get("bb").tag("UPPER"))


def saved_and_loaded(name):
    image = client.images.get(name)
    data = b"".join(image.save(named=True))
    client.images.remove(name)
    return [[each.tags, each.id == image.id] for each in client.images.load(data)]


def saving():
    client.images.get("bb").tag("py/saved", "1")
    step("save and load", lambda: saved_and_loaded("py/saved:1"))
    step("remove", lambda: client.images.remove("py/saved:1"))


def in_use():
    container = client.containers.create(**shell("true"), name="user")
    try:
        client.images.remove("bb")
    finally:
        container.remove()


def daemon():
    step("ping", client.ping)
    step("version", lambda: sorted(client.version()))
    step("info", lambda: sorted(client.info()))
    step("df", lambda: sorted(client.df()))
    step("network", lambda: client.networks.get("none").name)
    step("networks", lambda: [each.name for each in client.networks.list(names=["none"])])
    step("no network", lambda: client.networks.get("gone"))
    step("no volume", lambda: client.volumes.get("gone"))
    step("leave", lambda: client.swarm.leave(force=True))
    step("events", lambda: events())


def events():
    since = int(time.time())
    container = client.containers.run(**shell("exit 2"), detach=True, name="told", labels={"a": "b"})
    container.wait()
    container.remove()
    found = client.events(since=since, until=int(time.time()) + 1, decode=True, filters={"container": "told"})
    return [[each["Action"], each["Actor"]["Attributes"], each["status"], each["from"]] for each in found if each["Type"] == "container"]


def sidecars():
    """As a test library does it: a labelled container, its log waited for, removed with what belongs to it."""
    labels = {"session": "one"}
    step("server", lambda: client.containers.run(**shell("sleep 0.3; echo ready; exec sleep 1000"), detach=True, name="server", labels=labels).name)
    step("ready", lambda: next(line for line in client.containers.get("server").logs(stream=True, follow=True) if b"ready" in line))
    step("found", lambda: [each.name for each in client.containers.list(filters={"label": "session=one"})])
    step("removed", lambda: [each.remove(force=True, v=True) for each in client.containers.list(all=True, filters={"label": "session=one"})])


def freezing():
    container = client.containers.run(**shell("exec sleep 1000"), detach=True, name="warm")
    step("pause", container.pause)
    step("state", lambda: state_of(container))
    step("pause again", container.pause)
    step("stop of a paused one", lambda: failure(lambda: container.kill(signal="HUP")))
    step("unpause", container.unpause)
    step("update", lambda: container.update(mem_limit="64m", memswap_limit="128m"))
    step("top", lambda: container.top(ps_args="ax -o pid,comm")["Titles"])
    step("stats", lambda: sorted(container.stats(stream=False)))
    step("streamed stats", lambda: sorted(next(container.stats(stream=True, decode=True))))
    step("restart", lambda: container.restart(timeout=0))
    step("remove", lambda: container.remove(force=True))
    step("prune", lambda: sorted(client.containers.prune()))


def execs():
    container = client.containers.run(**shell("exec sleep 1000"), detach=True, name="host")
    step("exec", lambda: list(container.exec_run(["sh", "-c", "echo out; exit 7"])))
    step("both", lambda: list(container.exec_run(["sh", "-c", "echo out; echo err >&2"], demux=True)))
    step("options", lambda: list(container.exec_run("sh -c 'echo $A; pwd; id -u'", environment={"A": "1"}, workdir="/etc", user="7")))
    step("streamed", lambda: b"".join(container.exec_run("seq 1 3", stream=True).output))
    step("terminal", lambda: list(container.exec_run("tty", tty=True)))
    step("detached", lambda: container.exec_run("sleep 0", detach=True)[1])
    step("what is not there", lambda: list(container.exec_run("no-such-command")))
    step("fields", lambda: sorted(api.exec_inspect(api.exec_create(container.id, "true")["Id"])))
    container.kill()
    step("in a stopped one", lambda: list(container.exec_run("true")))
    step("remove", container.remove)


def volumes():
    volume = client.volumes.create("py-volume", labels={"a": "b"})
    step("create", lambda: [volume.name, volume.attrs["Driver"], volume.attrs["Labels"], volume.attrs["Scope"]])
    step("list", lambda: [each.name for each in client.volumes.list(filters={"label": "a=b"})])
    step("write", lambda: client.containers.run(**shell("echo kept >/v/f"), remove=True, volumes=["py-volume:/v"]))
    step("read", lambda: client.containers.run(**shell("cat /v/f"), remove=True, volumes={"py-volume": {"bind": "/v", "mode": "ro"}}))
    step("remove", volume.remove)
    step("gone", lambda: client.volumes.get("py-volume"))


scenarios = {each.__name__: each for each in [life, streams, files, images, mistakes, saving, daemon, sidecars, freezing, execs, volumes]}
scenarios[sys.argv[2]]()
