# Stands between a test and its server, so that neither the server nor its data outlive the test. Its output is a file
# that is locked as long as it lives.
#
# $1 the folder of the server, $2 the data folder to begin with, $3 the file whose lock the users of a shared server
# hold, or nothing: then its input tells when to start, and its end when to end. The rest is the command of the server.
set -u
folder=$1 template=$2 users=$3
shift 3
# What a terminal or a test runner sends to everybody is not meant for it: it ends by itself.
trap '' HUP INT QUIT TERM

start() {
    (trap - HUP INT QUIT TERM && exec setpriv --pdeathsig KILL -- "$@") </dev/null >>"$folder/log" 2>&1 &
    echo $! >"$folder/pid.new"
    mv "$folder/pid.new" "$folder/pid"
}

# All that stands in the folder is the server's, also what has lost its parent or is stopped.
finish() {
    while left=$(find /proc -maxdepth 2 -name cwd -lname "$folder/*" 2>/dev/null | cut -d / -f 3) && [ -n "$left" ]; do
        kill -KILL $left 2>/dev/null
    done
    # The first thread of a process may be gone while others still write.
    wait
    # PostgreSQL marks its data folder as taken by a segment of System V, which outlives a killed one. The seventh line
    # of this file has its number.
    segment=$(sed -n '7s/.* //p' "$folder/data/postmaster.pid" 2>/dev/null)
    [ -z "$segment" ] || ipcrm -m "$segment" 2>/dev/null
    rm -rf "$folder" "$folder.lock"
}

cp -a "$template" "$folder/data" 2>>"$folder/log"
if [ -z "$users" ]; then
    while read -r _; do start "$@"; done
else
    start "$@"
    exec 8<"$users"
    # Tests of a run come one after another, so it waits a little whether another one comes. The lock is then kept to
    # the end: whoever comes now waits until everything is gone.
    while flock 8 && flock -u 8 && sleep 10; do
        if flock -n 8; then break; fi
    done
fi
finish
