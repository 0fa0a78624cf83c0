#!/bin/sh
# Walks through the main job: import, look, branch, edit, diff, merge with a conflict, tag, export, check out.
#
#   scripts/demo.sh            on a small dataset that the program draws itself
#   scripts/demo.sh FOLDER     on your own folder or archive (only reads it)
#
# TAMIS names the binary (default: tamis on the PATH); DATA may name the folder too.
set -eu

tamis=${TAMIS:-tamis}
data=${1:-${DATA:-}}
home=$(mktemp -d "${TMPDIR:-/tmp}/tamis-demo.XXXXXX")
export TAMIS_LAKE="$home/lake" TAMIS_NO_PROGRESS=1
export TAMIS_AUTHOR="${TAMIS_AUTHOR:-Demo <demo@example.org>}"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() {
    printf '\n$ tamis'
    for word in "$@"; do
        case $word in *[\ \*]*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac
    done
    printf '\n'
}
run() { show "$@"; "$tamis" "$@"; }
# A command that ends with conflicts (status 4) is part of the walk.
run_conflict() {
    show "$@"
    status=0
    "$tamis" "$@" || status=$?
    [ "$status" -eq 4 ] || { echo "expected conflicts (status 4), got status $status" >&2; exit 1; }
}
# Changes the class of the first car in a checkout's label file.
recolour() {
    echo; echo "\$ (in $1/samples.jsonl, the first \"car\" becomes \"$2\")"
    awk -v new="\"class\":\"$2\"" '!done && sub(/"class":"car"/, new) { done = 1 } { print }' "$1/samples.jsonl" > "$home/edited"
    cat "$home/edited" > "$1/samples.jsonl"
}

if [ -n "$data" ]; then
    case $data in /*) ;; *) data=$PWD/$data ;; esac
    say "Take your folder in"
    run import "$data" mine
    say "What is in it"
    run stats mine
    run log mine
    say "Every byte is there"
    run verify
    say "As plain files again, and nothing differs"
    run checkout mine "$home/work"
    run status "$home/work"
    say "The lake is in $home/lake. Look at it in a browser:"
    echo "  TAMIS_LAKE=$home/lake $tamis serve      then open http://127.0.0.1:7878 (the pages: make ui, before the program is built)"
    exit 0
fi

cd "$home"
say "1. A small street dataset, drawn by the program, with known flaws"
run demo street
say "2. Import: the format is recognised, problems are told with their places, one commit is made"
run import street
run stats street
say "3. A branch, edited as plain files"
run branch street fix
run checkout street@fix work
recolour work bus
cd work; run status; run commit -m "that car is a bus"; cd ..
say "4. What changed, down to the label"
run diff street main fix
say "5. Meanwhile somebody else changes the same label on main"
run checkout street other
recolour other truck
cd other; run commit -m "no, it is a truck"; cd ..
say "6. The merge finds the conflict; somebody decides"
run_conflict merge street fix
run conflicts street
run resolve street '*' --with theirs
run merge street --continue
run log street
say "7. Tag it, export it, check it out for other tools"
run tag street v1
run export street@v1 yolo --format yolo
run export street@v1 voc --format voc
run checkout street@v1 plain --format coco
say "8. Nothing is lost"
run verify
run gc --dry-run
say "The lake is in $home/lake. Try:"
echo "  export TAMIS_LAKE=$home/lake"
echo "  $tamis serve                look at it in a browser (the pages: make ui, before the program is built)"
echo "  $tamis ls street            the samples"
echo "  $tamis oplog street         everything that was done; \`tamis undo street\` takes it back"
