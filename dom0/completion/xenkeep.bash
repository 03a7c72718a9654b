# SPDX-License-Identifier: GPL-2.0-only
#
# Completion for xl-sweep and xl-memory. Domain names come from xl-memory
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

    for verb in show map top plan policy resume recoalesce; do
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
    *)
        _xenkeep_complete "$cur" "--json --help --version" ;;
    esac
    if ((COMP_CWORD == 1)); then
        _xl_memory_verb "$cur"
    fi
}

complete -F _xl_sweep xl-sweep
complete -F _xl_memory xl-memory
