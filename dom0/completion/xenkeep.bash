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

_xl_memory()
{
    local cur=${COMP_WORDS[COMP_CWORD]} verb

    _xenkeep_complete "$cur" "--json --help --version"
    if ((COMP_CWORD == 1)); then
        for verb in show plan policy; do
            if [[ $verb == "$cur"* ]]; then
                COMPREPLY+=("$verb")
            fi
        done
    fi
}

complete -F _xl_sweep xl-sweep
complete -F _xl_memory xl-memory
