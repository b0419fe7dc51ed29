"""Makes expressions.json and templates.json beside it: chat templates rendered by Python's jinja2 (pip install jinja2),
in an environment set up as language-model tools do (trim_blocks, lstrip_blocks, loop controls, json.dumps as tojson).
The templates are written by us in the shape of those that model families ship."""

import datetime
import json
import pathlib

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = 1718454896  # 2024-06-15 12:34:56 UTC


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.Scope(body, lineno=line)


def raise_exception(message):
    raise TemplateError(message)


def strftime_now(form):
    return datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc).strftime(form)


def tojson(value, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=False, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    made.filters["tojson"] = tojson
    made.globals["raise_exception"] = raise_exception
    made.globals["strftime_now"] = strftime_now
    return made


ENVIRONMENT = environment()


def rendered(template, variables):
    try:
        return ENVIRONMENT.from_string(template).render(**variables)
    except Exception:  # whatever goes wrong must be an error for us too
        return None


VARIABLES = {
    "n": 7, "m": -3, "x": 2.5, "big": 1e16, "s": "Hello, World", "e": "", "u": "Grüße, 世界 😀", "ws": "  a b\t\n",
    "t": True, "f": False, "z": None, "l": [3, 1, 2], "names": ["bob", "Ann", "cat", "ann"], "empty": [],
    "d": {"b": 1, "a": "two", "c": [1, {"k": None}]}, "nest": {"a": {"b": {"c": "deep"}}},
    "rows": [{"name": "x", "v": 3, "on": True}, {"name": "y", "v": 1, "on": False}, {"name": "z", "v": 2}],
    "quote": "it's \"q\" \\ \n", "html": "<a href='x'>&</a>", "lines": "one\ntwo\n\nthree",
}

EXPRESSIONS = """
n + m|n - m|n * m|n / 2|n // 2|n % 3|m % 4|m // 2|n ** 2|2 ** -1|x * 2|x + n|-n|+n|-x|1 + 2 * 3 - 4 / 2|(1 + 2) * 3|7 // 2.0|7.5 % 2|-7.5 // 2
n ~ s ~ x|s + "!"|"a" * 3|3 * "ab"|[1] + [2, 3]|[0] * 3|"a" "b" 'c'|n ~ none ~ true|1 ~ 2 + 3|big|1e20|1.0|0.1 + 0.2|100000000000000000|1_000|1e-5|123456789.123|2.0 ** 0.5
n == 7|n == 7.0|n != 7|n < 8 and m < 0|n > 8 or t|not t|not e|1 < 2 < 3|1 < 3 < 2|"a" < "b"|"b" >= "a"|[1, 2] < [1, 3]|z == none|missing == none|t == 1|"1" == 1|l == [3, 1, 2]|(1, 2) == [1, 2]
3 in l|9 in l|9 not in l|"ell" in s|"b" in d|"q" in d|n in (7, 8)|"x" in missing|not 3 in l|true and "yes"|false or "no"|"" or "else"|none and 1|1 and 2 or 3
"yes" if t else "no"|"yes" if f else "no"|"only" if f|1 if f else 2 if t else 3|n if n > 5 and t else m|(1, 2)|(1,)|()|[1, [2, "x"]]|{"a": 1, "b": [true, none]}|{}|[]|[1, 2,]
d.a|d["a"]|d.b + 1|d.c[1].k|d.missing|nest.a.b.c|nest["a"]["b"].c|l[0]|l[-1]|l[9]|s[0]|s[-1]|u[8]|d.c.0|missing|z.foo|s.foo|l.foo|n.foo
l[1:]|l[:1]|l[:-1]|l[::-1]|s[:5]|s[7:]|s[-5:]|s[::2]|u[7:9]|l[5:]|l[-9:2]|s[::-3]|l[0:3:2]|s[2:-2]|l[2:0:-1]
s | upper|s | lower|u | upper|s | length|u | length|d | length|ws | trim|"xxaxx" | trim("x")|"hello world-foo (bar)" | title|"hELLO" | capitalize|l | first|l | last|s | first|empty | first|l | join|l | join(", ")|rows | join("/", attribute="name")
d | tojson|u | tojson|quote | tojson|x | tojson|big | tojson|[1, "a", none, true, 1.5] | tojson|d | tojson(indent=2)|[] | tojson(indent=2)|{"a": {}} | tojson(indent=4)|d | tojson(sort_keys=true)|d | tojson(separators=(",", ":"))|(1, 2) | tojson
missing | default("x")|e | default("x")|e | default("x", true)|z | default("x")|z | d("y", boolean=true)|missing | length|missing | upper|missing | list|missing ~ "a"|s | replace("l", "L")|s | replace("l", "L", 1)|"aaa" | replace("aa", "b")
rows | map(attribute="name") | list|rows | map(attribute="w", default=0) | list|names | map("upper") | list|rows | selectattr("on") | map(attribute="name") | list|rows | rejectattr("on") | map(attribute="name") | list|rows | selectattr("v", "equalto", 1) | list | length|rows | selectattr("on", "defined") | map(attribute="v") | list|rows | selectattr("v", "gt", 1) | map(attribute="v") | join(",")|l | select("odd") | list|l | reject("equalto", 3) | list|[0, 1, "", "a"] | select | list|nest | map("upper") | list
l | sort|l | sort(reverse=true)|names | sort|names | sort(case_sensitive=true)|rows | sort(attribute="v") | map(attribute="name") | list|names | unique | list|[1, 1, 2] | unique | list|l | reverse | list|s | reverse|d | dictsort|{"b": 1, "A": 2} | dictsort|{"b": 1, "a": 2} | dictsort(by="value")|d | items | list|d | list|l | sum|l | min|l | max|names | max|rows | sum(attribute="v")
lines | indent|lines | indent(2, true)|lines | indent(2, blank=true)|lines | indent("> ")|"42" | int|"4.7" | int|"x" | int|"x" | int(9)|3.9 | int|"2.5" | float|n | float|"q" | float|m | abs|-2.5 | abs|2.5 | round|3.5 | round|2.675 | round(2)|2.1 | round(method="ceil")|2.9 | round(0, "floor")|n | round|1234.5 | round(-2)|n | string|true | string|html | escape|s | safe
n is defined|missing is defined|missing is undefined|z is none|s is string|n is string|d is mapping|l is mapping|l is iterable|n is iterable|s is iterable|s is sequence|d is sequence|n is number|t is number|x is number|n is integer|t is integer|x is float|t is boolean|t is true|f is false|n is odd|n is even|n is divisibleby 7|n is divisibleby(3)|n is equalto 7|n is eq(7)|n is ne 8|n is gt 3|3 is in l|9 is not in l|z is not none|not z is none|missing is not defined or t|n is defined and n > 3|s is upper|"ABC" is upper|s is lower|missing is iterable|missing is none|missing is string
s.upper()|s.lower()|ws.strip()|ws.lstrip()|ws.rstrip()|"xxaxx".strip("x")|"a,b,c".split(",")|"a,b,c".split(",", 1)|" a  b ".split()|"a b c".split(none, 1)|"a,b,c".rsplit(",", 1)|"a</think>b".split("</think>")[-1]|lines.splitlines()|s.startswith("Hell")|s.startswith(("x", "H"))|s.endswith("ld")|s.replace("l", "")|s.replace("l", "L", 1)|"they're bill's".title()|"hELLO".capitalize()|s.find("o")|s.rfind("o")|s.find("q")|s.count("l")|", ".join(names)|"12".isdigit()|"ab1".isalpha()|"ab".isalpha()|s.removeprefix("Hello")|s.removesuffix("World")
d.items() | list|d.keys() | list|d.values() | list|d.get("a")|d.get("q")|d.get("q", "no")|l.index(1)|l.count(3)|range(4) | list|range(2, 5) | list|range(5, 0, -2) | list|range(0) | list|dict(a=1, b=2)|namespace(a=1).a
"it's"|[quote]|["it's", 'say "x"', "both ' and \\""]|"tab\\tx"|"\\u00e9\\x41"|'a\\\\b'|[u]|{"k": "v\\n"}|[1.0, none, true]
1 / 0|n + s|s - 1|missing + 1|missing.a|missing["a"]|missing()|n()|s.nope()|none + 1|n < s|z | length|"x" | tojson(indent=1) + 1|l + (1,)|raise_exception("no")|1 in n|[1] < 2|d + d|z | list|range(1, 5, 0)|"a" % none > 1|"b" not in n|missing | tojson|l | join(missing.x)|-s|d.items().x.y|d["c"]["k"]["q"]
strftime_now("%Y-%m-%d")|strftime_now("%d %B %Y, %H:%M:%S %a %A %b %y %I %p %j"[:38])|strftime_now("%-d/%-m %%")
"""

STATEMENTS = [
    "{% if n > 5 %}big{% elif n > 3 %}mid{% else %}small{% endif %}",
    "{% if f %}a{% elif t %}b{% endif %}|{% if e %}x{% endif %}",
    "{% for i in l %}{{ loop.index }}:{{ loop.index0 }}:{{ i }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for i in l %}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }} {% endfor %}",
    "{% for i in l %}[{{ loop.previtem }}<{{ i }}<{{ loop.nextitem }}]{% endfor %}",
    "{% for i in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }} {% endfor %}",
    "{% for i in empty %}x{% else %}none{% endfor %}",
    "{% for i in l if i > 1 %}{{ loop.index }}{{ i }}{% else %}no{% endfor %}",
    "{% for i in l if i > 9 %}{{ i }}{% else %}no{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k in d %}{{ k }}{% endfor %}{% for c in 'héy' %}{{ c }}.{% endfor %}",
    "{% for a in l %}{% for b in l %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}",
    "{% for i in range(10) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in missing %}x{% else %}nothing{% endfor %}",
    "{% set a = 1 %}{% for i in l %}{% set a = i %}{{ a }}{% endfor %}{{ a }}",
    "{% for i in l %}{% if loop.first %}{% set q = i %}{% endif %}{{ q }}{% endfor %}",
    "{% set ns = namespace(c=0, last='') %}{% for i in l %}{% set ns.c = ns.c + i %}{% set ns.last = i %}{% endfor %}{{ ns.c }}{{ ns.last }}",
    "{% set a, b = 1, 2 %}{{ a + b }}{% set p = (3, 4) %}{% set c, d = p %}{{ c * d }}",
    "{% set text %}one {{ n }}{% endset %}[{{ text }}]{% set up | upper | trim %}  abc {% endset %}[{{ up }}]",
    "{% macro hi(name, mark='!') %}Hi {{ name }}{{ mark }}{% endmacro %}{{ hi('Bob') }}{{ hi('Ann', '?') }}{{ hi(mark='.', name='C') }}",
    "{% macro m(a, b=n) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m() }}{{ m(1, 2) | upper }}",
    "{% macro fact(k) %}{% if k <= 1 %}1{% else %}{{ k * (fact(k - 1) | int) }}{% endif %}{% endmacro %}{{ fact(6) }}",
    "{% macro a() %}{{ top }}{% endmacro %}{% set top = 'seen' %}{{ a() }}",
    "{% macro a(x) %}{{ x }}{% endmacro %}{{ a(1, 2) }}",
    "{% macro a(x) %}{{ x }}{% endmacro %}{{ a(y=2) }}",
    "{% set i = 5 %}{% for i in l %}{{ i }}{% endfor %}{{ i }}",
    "a {# comment #} b{#- tight -#} c",
    "  {% if t %}\n  yes\n  {% endif %}\nend",
    "{%- if t -%}  x  {%- endif -%}  y",
    "a\n  {{- n }}  \n{{ n -}}  \nb",
    "a\n    {%- for i in l %}\n    {{ i }}\n    {%- endfor %}\nb\n",
    "x {% if t %} y {% endif %} z\n\n",
    "\n{% if t %}\n\nq\n{% endif %}\n\n",
    "{{ n }}\n{% set q = 1 %}\n{{ q }}\n   {# note #}\n  last  \n",
    "  {%+ if t %}keep{% endif +%}\nend",
    "{{ n }}   {% if t %}x{% endif %}\n   {% if t %}y{% endif %}  {% if t %}z{% endif %}",
    "{% raw %}{{ not }} {% this %}{% endraw %} {{ n }}",
    "{%- raw -%}  {{ x }}  {%- endraw -%}  e",
    "{% generation %}out {{ n }}{% endgeneration %}!",
    "line\r\nnext\rlast\r\n",
    "{{ {'a': {'b': 1}}['a']['b'] }}{{ '}}' }}{{ \"%}\" }}",
    "{{ n }} {{n}}{{-n-}} {{ n }}",
    "{% if messages is defined and messages %}m{% else %}none{% endif %}",
    "{%if t%}tight{%endif%}{{'a'~'b'}}",
    "{% for r in rows | selectattr('on', 'defined') | sort(attribute='v') %}{{ r.name }}{% endfor %}",
    "{{ rows | map(attribute='v') | map('string') | join('+') }}",
    "{% set x = rows[0] %}{{ x.name ~ x['v'] }}{% set l2 = l + [4] %}{{ l2 | length }}",
    "{% set z.y = 1 %}",
    "{% set a, b = [1, 2, 3] %}",
    "{% for i in n %}{% endfor %}",
    "{{ ns is defined }}{% if true %}{% set inner = 1 %}{% endif %}{{ inner }}",
    "{{ (n, s)[0] }}{{ [1, 2][1] }}{{ 'abc'[1] }}{{ 'abc'.upper()[1:] | lower }}",
    "{% for a, b in [(1, 2), (3, 4)] %}{{ a }}-{{ b }} {% endfor %}{% for (a, b) in [[5, 6]] %}{{ a * b }}{% endfor %}",
]

BROKEN = [
    "{{ n", "{% if t %}", "{% endif %}", "{{ }}", "{% foo %}", "{{ n | nope }}", "{{ n is nope }}", "{# open", "{{ 'open }}",
    "{% for in l %}{% endfor %}", "{{ (1, 2 }}", "{{ 1 ] }}", "{% set %}", "{% for x in l %}{% endif %}", "{{ a b }}", "{{ @ }}",
    "{% macro %}{% endmacro %}", "{% else %}", "{{ f(a=1, 2) }}", "{% macro m(a=1, b) %}{% endmacro %}", "{{ a.1b }}",
    "{% if %}{% endif %}", "{{ [1, 2 }}", "{{ {'a' 1} }}", "{{ not }}", "{{ 1 + }}", "{% break %}",
]

LLAMA2 = """{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate: user, assistant, user ...') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"""

LLAMA3 = """{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{#- The system message is pulled out, so that tools stand beside it. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{{- "Today Date: " + date_string + "\\n\\n" }}
{%- if tools is not none %}
    {{- "You may call these functions, with JSON of the form " }}
    {{- '{"name": function name, "parameters": arguments}.' + "\\n\\n" }}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("One tool call at a time!") }}
        {%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
        {{- '{"name": "' + tool_call.name + '", ' }}
        {{- '"parameters": ' }}
        {{- tool_call.arguments | tojson }}
        {{- "}" }}
        {{- "<|eot_id|>" }}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if message.content is mapping or (message.content is iterable and message.content is not string) %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""

CHATML = """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content + '\\n\\n' }}
    {%- endif %}
    {{- "# Tools\\n\\nFunction signatures stand within <tools></tools>:\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning_content = message.reasoning_content %}
        {%- else %}
            {%- if '</think>' in content %}
                {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
                {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
            {%- endif %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index and (loop.last or (not loop.last and reasoning_content)) %}
            {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {%- if message.tool_calls %}
            {%- for tool_call in message.tool_calls %}
                {%- if (loop.first and content) or (not loop.first) %}
                    {{- '\\n' }}
                {%- endif %}
                {%- if tool_call.function %}
                    {%- set tool_call = tool_call.function %}
                {%- endif %}
                {{- '<tool_call>\\n{"name": "' }}
                {{- tool_call.name }}
                {{- '", "arguments": ' }}
                {%- if tool_call.arguments is string %}
                    {{- tool_call.arguments }}
                {%- else %}
                    {{- tool_call.arguments | tojson }}
                {%- endif %}
                {{- '}\\n</tool_call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}
        {{- content }}
        {{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""

GEMMA = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\\n'}}{% endif %}
"""

PHI3 = """{% for message in messages %}{% if message['role'] == 'system' %}{{'<|system|>
' + message['content'] + '<|end|>
'}}{% elif message['role'] == 'user' %}{{'<|user|>
' + message['content'] + '<|end|>
'}}{% elif message['role'] == 'assistant' %}{{'<|assistant|>
' + message['content'] + '<|end|>
'}}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>
' }}{% else %}{{ eos_token }}{% endif %}"""

MACROS = """{%- macro json_type(spec) -%}
    {%- if spec.type is string %}{{ spec.type }}{% elif spec.type is iterable %}{{ spec.type | join(" | ") }}{% else %}any{% endif %}
{%- endmacro -%}
{%- macro function_text(tool, depth=0) -%}
{{ '  ' * depth }}function {{ tool.name }}(
{%- for name, spec in tool.parameters.properties.items() -%}
    {{ name }}{% if name not in tool.parameters.required|default([]) %}?{% endif %}: {{ json_type(spec) }}
    {%- if spec.enum is defined %} in {{ spec.enum | tojson }}{% endif %}
    {%- if not loop.last %}, {% endif %}
{%- endfor -%}
) // {{ tool.description | default("no description", true) | trim }}
{% endmacro -%}
{%- set tool_names = namespace(all=[]) -%}
{%- if tools %}
[TOOLS]
{% for tool in tools %}
{{ function_text(tool.function, 1) }}
{%- set tool_names.all = tool_names.all + [tool.function.name] %}
{% endfor %}
[/TOOLS] {{ tool_names.all | sort | join(', ') }}
{% endif %}
{% for m in messages %}
{% if m.content is string %}
{{ m.role | title }}: {{ m.content | replace('\\n', ' ') }}
{% else %}
{% for part in m.content | selectattr('type', 'equalto', 'text') %}
{{ m.role | title }}[{{ loop.index }}/{{ loop.length }}]: {{ part.text }}
{% endfor %}
{% endif %}
{% endfor %}
{% if add_generation_prompt %}Assistant:{% endif %}"""

TOOLS = [
    {"type": "function", "function": {"name": "weather", "description": "Current weather <in> a city's \"centre\"", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": ["string", "null"], "enum": ["c", "f"]}}, "required": ["city"]}}},
    {"type": "function", "function": {"name": "add", "parameters": {
        "type": "object", "properties": {"a": {"type": "number"}, "b": {"default": 1.5}}}}},
]
CONVERSATIONS = {
    "short": [{"role": "user", "content": "Hello"}],
    "turns": [{"role": "user", "content": "  What is 2 + 2?\n"}, {"role": "assistant", "content": "4"}, {"role": "user", "content": "Grüße, 世界 😀"}],
    "system": [{"role": "system", "content": "You are\nhelpful. "}, {"role": "user", "content": "Hi"}],
    "tools": [{"role": "user", "content": "Weather in Oslo?"},
              {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": "weather", "arguments": {"city": "Oslo", "n": 1.0}}}]},
              {"role": "tool", "content": "{\"t\": -3}", "name": "weather"}],
    "thought": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nBecause."}, {"role": "user", "content": "And?"},
                {"role": "assistant", "content": "<think>\nso\n</think>\n\nThus."}],
    "parts": [{"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image"}, {"type": "text", "text": "here"}]}],
    "wrong": [{"role": "assistant", "content": "I speak first"}],
}


def main():
    here = pathlib.Path(__file__).parent
    cases = []
    for line in EXPRESSIONS.strip().split("\n"):
        # '|' alone separates; a filter's bar has a space on both sides.
        for each in line.replace(" | ", "\0").split("|"):
            template = "{{ " + each.replace("\0", " | ") + " }}"
            cases.append({"template": template, "output": rendered(template, VARIABLES)})
    for template in STATEMENTS:
        cases.append({"template": template, "output": rendered(template, VARIABLES)})
    for template in BROKEN:
        output = rendered(template, VARIABLES)
        assert output is None, template
        cases.append({"template": template, "output": None})
    document = {"now": NOW, "variables": VARIABLES, "cases": cases}
    (here / "expressions.json").write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")

    templates = {"llama2": LLAMA2, "llama3": LLAMA3, "chatml": CHATML, "gemma": GEMMA, "phi3": PHI3, "macros": MACROS}
    renderings = []
    for name, template in templates.items():
        for conversation, messages in CONVERSATIONS.items():
            for tools in (None, TOOLS):
                for prompt in (True, False):
                    variables = {"messages": messages, "tools": tools, "add_generation_prompt": prompt, "bos_token": "<s>", "eos_token": "</s>"}
                    renderings.append({"template": name, "conversation": conversation, "tools": tools is not None, "prompt": prompt,
                                       "output": rendered(template, variables)})
    document = {"now": NOW, "templates": templates, "conversations": CONVERSATIONS, "tools": TOOLS, "renderings": renderings}
    (here / "templates.json").write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    print(len(cases), "cases,", sum(each["output"] is None for each in cases), "errors;", len(renderings), "renderings,",
          sum(each["output"] is None for each in renderings), "errors")


if __name__ == "__main__":
    main()
