# SPDX-License-Identifier: GPL-2.0-only
#
# Completion for xl-sweep, xl-memory, xl-crash and xl-files. Domain names come from xl-memory
# itself; without a daemon or the right to ask it, there are just none. What
# comes back is only ever compared and quoted, never evaluated.

_xenkeep_domains()
{
    timeout 2 xl-memory --json 2>/dev/null |
        grep -o '"name":"[A-Za-z0-9._+-]*"' |
        sed -e 's/^"name":"//' -e 's/"$//'
}

_xenkeep_complete()
{
    # The word to complete, the options, and the verbs that it may be.
    local cur=$1 options=$2 word
    COMPREPLY=()
    while IFS= read -r word; do
        if [[ -n $word && $word == "$cur"* ]]; then
            COMPREPLY+=("$word")
        fi
    done < <(
        if [[ $cur == -* ]]; then
            tr ' ' '\n' <<< "$options"
        else
            tr ' ' '\n' <<< "${3:-}"
            _xenkeep_domains
        fi
    )
}

_xl_sweep()
{
    local prev=${COMP_WORDS[COMP_CWORD - 1]}

    COMPREPLY=()
    if [[ $prev == --target ]]; then
        return
    fi
    _xenkeep_complete "${COMP_WORDS[COMP_CWORD]}" \
        "--target --dry-run --json --help --version"
}

# The verbs stand where a domain can, too.
_xl_memory_verb()
{
    local verb

    for verb in show map top plan policy resume drain recoalesce; do
        if [[ $verb == "$1"* ]]; then
            COMPREPLY+=("$verb")
        fi
    done
}

_xl_memory()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}

    COMPREPLY=()
    if [[ $prev == --svg ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
    fi
    case ${COMP_WORDS[1]} in
    map)
        _xenkeep_complete "$cur" "--svg --watch --json --help --version" ;;
    drain)
        _xenkeep_complete "$cur" "--end --json --help --version" ;;
    *)
        _xenkeep_complete "$cur" "--json --help --version" ;;
    esac
    if ((COMP_CWORD == 1)); then
        _xl_memory_verb "$cur"
    fi
}

_xl_crash_ids()
{
    timeout 2 xl-crash list --json 2>/dev/null |
        grep -o '"id":"[0-9a-f-]*"' | sed -e 's/^"id":"//' -e 's/"$//'
}

_xl_crash_words()
{
    local cur=$1 word
    shift
    while IFS= read -r word; do
        if [[ -n $word && $word == "$cur"* ]]; then
            COMPREPLY+=("$word")
        fi
    done < <("$@")
}

_xl_crash()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}

    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _xl_crash_words "$cur" printf '%s\n' list show dump open mount \
            export verify rewrap delete keys --json --help --version
        return
    fi
    case $prev in
    --format) _xl_crash_words "$cur" printf '%s\n' kdump kdump-zlib \
            kdump-lzo elf
        return ;;
    --key|--keys|--host) mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return ;;
    esac
    case ${COMP_WORDS[1]} in
    dump|list)
        _xenkeep_complete "$cur" "--live --json --help --version" ;;
    keys)
        _xenkeep_complete "$cur" "--json --help --version" ;;
    *)
        if [[ $cur == -* ]]; then
            _xenkeep_complete "$cur" \
                "--key --keys --format --program --foreground --force \
--json --help"
        elif ((COMP_CWORD == 2)); then
            _xl_crash_words "$cur" _xl_crash_ids
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        fi ;;
    esac
}

_xl_files_names()
{
    timeout 2 xl-files list "$1" --json 2>/dev/null |
        grep -o '"name":"[A-Za-z0-9._+-]*"' |
        sed -e 's/^"name":"//' -e 's/"$//'
}

_xl_files()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local settings="--size-limit --files-limit --open-limit --rate --owner \
--set-id --devices --stock-9p --audit --json --help --version"

    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _xenkeep_complete "$cur" "--json --help --version" \
            "list add set revoke stats audit"
        return
    fi
    case $prev in
    --type) mapfile -t COMPREPLY < <(compgen -W "dir file volume" -- "$cur")
        return ;;
    --set-id|--devices|--stock-9p|--audit)
        mapfile -t COMPREPLY < <(compgen -W "0 1" -- "$cur")
        return ;;
    --name|--size-limit|--files-limit|--open-limit|--rate|--owner) return ;;
    esac
    if ((COMP_CWORD == 3)) && [[ $cur != -* ]]; then
        case ${COMP_WORDS[1]} in
        add) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
        set|revoke) _xl_crash_words "$cur" _xl_files_names "$prev" ;;
        esac
        return
    fi
    case ${COMP_WORDS[1]} in
    add) _xenkeep_complete "$cur" "--name --read-only --type $settings" ;;
    set) _xenkeep_complete "$cur" "--read-only --read-write $settings" ;;
    revoke) _xenkeep_complete "$cur" "--now --json --help --version" ;;
    *) _xenkeep_complete "$cur" "--json --help --version" ;;
    esac
}

complete -F _xl_sweep xl-sweep
complete -F _xl_files xl-files
complete -F _xl_memory xl-memory
complete -F _xl_crash xl-crash
