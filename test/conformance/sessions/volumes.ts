/** Volumes: made, listed, mounted, filled, taken over and removed. */
import { docker, type Session, session, shell } from '../session.ts'

const mounts = (name: string) =>
  shell(
    `docker inspect ${name} | python3 -c 'import json,sys; print("\\n".join(sorted(json.dumps(m, sort_keys=True) for m in json.load(sys.stdin)[0]["Mounts"])))'`,
  )

const events = (work: string) =>
  shell(
    `since=$(date +%s); ${work}; sleep 1; docker events --since $since --until $(date +%s) --filter type=volume --filter type=container --format "{{.Type}} {{.Action}} {{.Actor.Attributes}} {{.Actor.ID}}"`,
  )

/** With a directory of the daemon's own. */
const bound = (line: string) => shell(`bound=$(dirname "\${DOCKER_HOST#unix://}")/bound; ${line}`)

export const volumes: readonly Session[] = [
  session(
    'volumes made and listed',
    docker('volume create one'),
    docker('volume create one --label late=1'),
    docker('volume create --label tier=db --label empty= two'),
    docker('volume inspect one two'),
    docker('volume inspect none'),
    docker('volume create'),
    docker('volume create x'),
    docker('volume create a/b'),
    docker('volume create --driver nope three'),
    docker('volume create --opt foo=bar three'),
    docker('volume create --opt type=tmpfs three'),
    docker('volume create --opt device=/tmp three'),
    docker('volume ls'),
    docker('volume ls -q -f name=^t'),
    docker('volume ls -q -f label=tier'),
    docker('volume ls -q -f label=tier=web'),
    docker('volume ls -q -f dangling=0'),
    docker('volume ls -q -f dangling=maybe'),
    docker('volume ls -q -f driver=local -f name=one'),
    docker('volume ls -q -f bogus=1'),
    docker('volume rm one none'),
    docker('volume rm -f none'),
    docker('volume prune -f --filter label=tier'),
    docker('volume prune -f --filter bogus=1'),
    docker('volume prune -f'),
    docker('info --format {{json .Plugins.Volume}}'),
  ),
  session(
    'volumes of a container',
    docker(
      'create --name owner --network none -v data:/data:ro,z -v nc:/etc:nocopy --mount type=volume,src=m1,dst=/m1,readonly --mount type=volume,src=m2,dst=/m2,volume-nocopy,volume-label=l=1 -v /anon bb true',
    ),
    mounts('owner'),
    docker(
      'inspect --format {{json .HostConfig.Binds}}{{json .HostConfig.Mounts}}{{json .Config.Volumes}} owner',
    ),
    docker('volume inspect m2'),
    docker('ps -a --filter volume=data --format {{.Names}}'),
    docker('ps -a --filter volume=/anon --format {{.Names}}'),
    docker('ps -a --filter volume=dat --format {{.Names}}'),
    docker('ps -a --format {{.LocalVolumes}}'),
    docker('volume rm data'),
    docker('volume rm -f data'),
    docker('volume ls -q -f dangling=true'),
    docker('create --name taker --network none --volumes-from owner:ro -v other:/m1 bb true'),
    mounts('taker'),
    docker('inspect --format {{json .HostConfig.VolumesFrom}} taker'),
    docker('create --network none --volumes-from nobody bb true'),
    docker('create --network none --volumes-from owner:bad bb true'),
    docker('rm owner'),
    docker('rm -v taker'),
    docker('volume ls -q'),
    shell('docker volume prune -f --filter label!=l=1 | sort'),
    docker('volume rm m2'),
  ),
  session(
    'volumes asked for wrongly',
    docker('create --network none -v aa:/x -v bb:/x bb true'),
    docker('create --network none -v aa:/x --mount type=volume,dst=/x bb true'),
    docker('create --network none -v aa:/x --tmpfs /x bb true'),
    docker('create --network none -v aa/c:/x bb true'),
    docker('create --network none -v aa:x bb true'),
    docker('create --network none -v aa:/ bb true'),
    docker('create --network none -v aa:/x:rshared bb true'),
    docker('create --network none -v aa:/x:bad bb true'),
    docker('create --network none -v /x:ro bb true'),
    docker('create --network none --mount type=volume,src=/abs,dst=/x bb true'),
    docker('create --network none --mount type=volume,src=ok,dst=x bb true'),
    docker('create --network none -v ff:/etc/passwd bb true'),
    docker('create --network none -v /etc/passwd bb true'),
    shell('docker volume rm aa ff >/dev/null 2>&1; docker volume ls -q'),
  ),
  session(
    'volumes filled from the image',
    shell(
      `docker run --network none --name maker bb sh -c 'mkdir -m 1750 /img; echo f >/img/f; chown 5:6 /img; chown 7:8 /img/f; chmod 4711 /img/f; ln -s f /img/l; mkfifo /img/p; ln /img/f /img/hard; mkdir /img/sub; ln -s /img /limg; touch -d @1000000 /img/sub'`,
    ),
    shell(`docker commit --change 'VOLUME /img' --change 'VOLUME ["/img2"]' maker im >/dev/null`),
    docker(
      `run --rm --network none im sh -c 'stat -c "%F %A %u %g %h %s %n" /img /img/f /img/hard /img/l /img/p /img/sub; readlink /img/l; stat -c "%a %u" /img2'`,
    ),
    docker(
      `run --rm --network none -v named:/img im sh -c 'stat -c "%A %u %g %n" /img; stat -c %Y /img/sub; stat -c %i /img/f /img/hard | uniq | wc -l'`,
    ),
    docker('run --rm --network none -v linked:/limg im ls /img/'),
    docker('run --rm --network none -v named:/elsewhere im ls /elsewhere'),
    docker('run --rm --network none -v fresh:/none im stat -c %a /none'),
    docker('run --rm --network none -v ro:/img:ro im stat -c %a /img'),
    docker('create --name imc --network none -v mine:/img im true'),
    mounts('imc'),
    docker('create --name imt --network none --tmpfs /img im true'),
    mounts('imt'),
    docker('diff imc'),
    shell(`docker system df -v --format '{{range .Volumes}}{{.Name}} {{.Links}} {{.Size}}\n{{end}}' | sort`),
    docker('rm -v imc imt maker'),
    shell(
      'docker volume ls -q | sort; docker volume rm named linked fresh ro mine; docker rmi im >/dev/null',
    ),
  ),
  session(
    'events of volumes',
    events('docker run --rm --network none --name ev -v evd:/data:ro bb true'),
    events('docker run --rm --network none --name ev -v evd:/data bb no-such-command >/dev/null 2>&1'),
    events('docker create --network none --name ev -v /anon bb true >/dev/null; docker rm -v ev'),
    events('docker volume create evd; docker volume rm evd'),
    events('docker volume prune -f'),
  ),
  session(
    'volumes of containers that remove themselves',
    docker('run -d --rm --network none --name self -v /gone -v kept:/kept bb sleep 100'),
    docker('volume rm kept'),
    docker('stop -t 0 self'),
    shell('while docker inspect self >/dev/null 2>&1; do sleep 0.1; done; docker volume ls -q'),
    docker('volume rm kept'),
  ),
  session(
    'a directory of the host as a volume',
    bound('mkdir -p $bound/sub; docker volume create --opt type=none --opt o=bind --opt device=$bound bound'),
    bound('docker volume inspect --format "{{json .Options}}" bound'),
    docker('run --rm --network none -v bound:/x bb ls /x'),
    docker('run --rm --network none -v bound:/x:ro bb touch /x/y'),
    bound('docker volume create --opt type=none --opt o=bind,ro --opt device=$bound limited'),
    docker('run --rm --network none -v limited:/x bb touch /x/y'),
    docker('volume rm bound limited'),
    bound('ls $bound'),
  ),
]
