# Ends the Docker Engine of a test in the directory $1, with everything that it has left, once the test has ended:
# then nobody holds the other end of this script's input.
read -r _nothing
dir=$1

engine() {
    docker --host "unix://$dir/docker.sock" "$@" 2>/dev/null
}

# So often what is waited for is looked at, ten times a second.
patience=1800

# One that was killed has left containers that only an engine finds.
if ! engine version >/dev/null; then
    # Another engine's start may be in its way.
    { sh "$dir/start" || sh "$dir/start" || sh "$dir/start"; } &
    while [ $((patience -= 1)) -gt 0 ] && ! engine version >/dev/null; do
        sleep 0.1
    done
fi
containers=$(engine ps --all --quiet)
[ -z "$containers" ] || engine rm --force --volumes $containers >/dev/null
networks=$(engine network ls --quiet --filter type=custom)
[ -z "$networks" ] || engine network rm $networks >/dev/null
pid=$(cat "$dir/pid")
kill "$pid"
# Its parent may not have noticed yet.
while [ $((patience -= 1)) -gt 0 ] && [ -d "/proc/$pid" ] && ! grep -q '^State:.Z' "/proc/$pid/status"; do
    sleep 0.1
done
grep -F " $dir/" /proc/self/mounts | cut -d ' ' -f 2 | sort -r | while read -r mount; do
    umount --lazy "$mount"
done
rm -rf "$dir"
