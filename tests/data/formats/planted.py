"""One small company that does not exist, and its data as the exports of vendors have them.

Each writer takes the same planted company and returns the text of a file in a vendor's layout. The truth is
computed here from the plan, never from a file.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median

CUT = datetime(2024, 12, 31)
COUNT = 60


@dataclass(frozen=True)
class Ticket:
    number: int
    customer: str
    created: datetime
    reply_minutes: int
    solved: datetime | None
    satisfaction: str  # good, bad, offered or unoffered


@dataclass(frozen=True)
class Subscription:
    customer: str
    start: datetime
    end: datetime | None
    amount: float  # of one interval
    interval: str


@dataclass(frozen=True)
class Company:
    customers: dict[str, datetime]
    scores: dict[str, int]
    answered: dict[str, datetime]
    tickets: list[Ticket]
    subscriptions: list[Subscription]
    truth: dict[str, float] = field(default_factory=dict)


def company() -> Company:
    """Numbers by arithmetic, without a generator: the same on every machine."""
    ids = [f"cus_{i:04d}" for i in range(COUNT)]
    begin = datetime(2024, 1, 8, 9, 0)
    customers = {name: begin + timedelta(days=i) for i, name in enumerate(ids)}
    scores = {name: (i * 7 + i // 5) % 11 for i, name in enumerate(ids)}
    answered = {
        name: datetime(2024, 11, 1, 10, 30) + timedelta(days=i % 50, minutes=i) for i, name in enumerate(ids)
    }
    states = ["good", "bad", "offered", "good", "unoffered"]
    tickets = []
    for i in range(40):
        created = datetime(2024, 10, 1, 8, 0) + timedelta(days=2 * i, hours=i % 7)
        solved = created + timedelta(hours=5 + i) if i % 8 else None
        state = states[i % 5] if solved else "unoffered"
        tickets.append(Ticket(1000 + i, ids[i % COUNT], created, 10 + 3 * i, solved, state))
    subscriptions = []
    for i, name in enumerate(ids):
        end = datetime(2024, 12, 1) + timedelta(days=i % 20) if i % 6 == 0 else None
        interval, amount = ("year", 1200.0 + 12 * i) if i % 4 == 0 else ("month", 50.0 + i)
        subscriptions.append(Subscription(name, customers[name], end, amount, interval))
    return Company(
        customers, scores, answered, tickets, subscriptions, _truth(scores, tickets, subscriptions)
    )


def _truth(
    scores: dict[str, int], tickets: list[Ticket], subscriptions: list[Subscription]
) -> dict[str, float]:
    promoters = sum(score >= 9 for score in scores.values())
    detractors = sum(score <= 6 for score in scores.values())
    rated = [ticket for ticket in tickets if ticket.satisfaction in ("good", "bad")]
    monthly = {"month": 1.0, "year": 1 / 12}
    return {
        "nps": 100 * (promoters - detractors) / len(scores),
        "csat": 100 * sum(ticket.satisfaction == "good" for ticket in rated) / len(rated),
        "mrr": sum(s.amount * monthly[s.interval] for s in subscriptions if s.end is None),
        "tickets": len(tickets),
        "asked": sum(ticket.satisfaction in ("good", "bad", "offered") for ticket in tickets),
        "customers": len(scores),
        "ended": sum(s.end is not None for s in subscriptions),
        "orders": sum(s.amount for s in subscriptions),
        "median first reply (minutes)": median(ticket.reply_minutes for ticket in tickets),
    }


def names(text: str) -> list[str]:
    return text.split(",")


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([header, *rows])
    return text.getvalue()


def _at(moment: datetime | None, pattern: str = "%Y-%m-%d %H:%M:%S") -> str:
    return moment.strftime(pattern) if moment else ""


def _epoch(moment: datetime | None) -> str:
    return str(int(moment.replace(tzinfo=UTC).timestamp())) if moment else ""


def _comment(i: int) -> str:
    return f"made-up remark no. {i} about the service"


def qualtrics(plan: Company) -> str:
    header = names(
        "StartDate,EndDate,Status,IPAddress,Progress,Duration (in seconds),Finished,RecordedDate,"
        "ResponseId,RecipientLastName,RecipientFirstName,RecipientEmail,ExternalReference,"
        "LocationLatitude,LocationLongitude,DistributionChannel,UserLanguage,Q1_NPS_GROUP,Q1,Q2"
    )
    titles = [
        *header[:17],
        "How likely are you to recommend us? - Group",
        "How likely are you to recommend us?",
        "Why?",
    ]
    ids = [json.dumps({"ImportId": name, "timeZone": "UTC"}) for name in header]
    rows: list[Sequence[object]] = [titles, ids]
    for i, (name, score) in enumerate(plan.scores.items()):
        when = _at(plan.answered[name])
        kind = "Promoter" if score >= 9 else "Detractor" if score <= 6 else "Passive"
        rows.append(
            [
                when,
                when,
                0,
                "",
                100,
                40,
                1,
                when,
                f"R_{i:04d}",
                "",
                "",
                "",
                name,
                "",
                "",
                "email",
                "EN",
                kind,
                score,
                _comment(i),
            ]
        )
    when = "2024-11-02 00:00:00"
    rows.append(
        [
            when,
            when,
            1,
            "",
            100,
            5,
            1,
            when,
            "R_test",
            "",
            "",
            "",
            "cus_0001",
            "",
            "",
            "preview",
            "EN",
            "Promoter",
            10,
            "",
        ]
    )
    return table(header, rows)


def qualtrics_legacy(plan: Company) -> str:
    first = [*(f"V{i}" for i in range(1, 11)), "Q1"]
    second = names(
        "ResponseID,ResponseSet,Name,ExternalDataReference,EmailAddress,IPAddress,Status,StartDate,"
        "EndDate,Finished,How likely are you to recommend us?"
    )
    rows = [
        [
            f"R_{name}",
            "Default",
            "",
            name,
            "",
            "",
            0,
            _at(plan.answered[name]),
            _at(plan.answered[name]),
            1,
            score,
        ]
        for name, score in plan.scores.items()
    ]
    return table(first, [second, *rows])


def surveymonkey(plan: Company) -> str:
    header = names(
        "Respondent ID,Collector ID,Start Date,End Date,IP Address,Email Address,First Name,"
        "Last Name,Custom Data 1,"
        "How likely is it that you would recommend this company to a friend or colleague?,"
        "What could we do better?"
    )
    rows: list[Sequence[object]] = [[*[""] * 9, "Response", "Open-Ended Response"]]
    labels = {0: "Not at all likely - 0", 10: "Extremely likely - 10"}
    for i, (name, score) in enumerate(plan.scores.items()):
        when = _at(plan.answered[name], "%m/%d/%Y %I:%M:%S %p")
        rows.append(
            [118000000 + i, 446, when, when, "", "", "", "", name, labels.get(score, score), _comment(i)]
        )
    return table(header, rows)


def typeform(plan: Company) -> str:
    header = names(
        "#,How likely are you to recommend us?,Why is that?,customer_id,Response Type,"
        "Start Date (UTC),Stage Date (UTC),Submit Date (UTC),Network ID,Tags"
    )
    rows = [
        [
            f"t{i}",
            score,
            _comment(i),
            name,
            "completed",
            _at(plan.answered[name]),
            "",
            _at(plan.answered[name]),
            f"n{i}",
            "",
        ]
        for i, (name, score) in enumerate(plan.scores.items())
    ]
    return table(header, rows)


def google_forms(plan: Company) -> str:
    header = [
        "Timestamp",
        "Email Address",
        "How likely are you to recommend us?",
        "What is the reason for your answer?",
    ]
    rows = [
        [_at(plan.answered[name], "%m/%d/%Y %H:%M:%S"), name, score, _comment(i)]
        for i, (name, score) in enumerate(plan.scores.items())
    ]
    return table(header, rows)


def microsoft_forms(plan: Company) -> str:
    header = names(
        "ID,Start time,Completion time,Email,Name,Last modified time,How likely are you to recommend us?"
    )
    rows = [
        [i, *[_at(plan.answered[name], "%m/%d/%y %H:%M:%S")] * 2, name, "anonymous", "", score]
        for i, (name, score) in enumerate(plan.scores.items())
    ]
    return table(header, rows)


def delighted(plan: Company) -> str:
    header = ["id", "person", "survey_type", "score", "comment", "permalink", "created_at", "updated_at"]
    rows = [
        [f"r{i}", name, "nps", score, _comment(i), f"p{i}", _epoch(plan.answered[name]), ""]
        for i, (name, score) in enumerate(plan.scores.items())
    ]
    return table(header, rows)


def pendo(plan: Company) -> str:
    header = names(
        "account_id,guide_id,poll_id,remote_ip,server_name,timestamp,user_agent,visitor_id,event_id,"
        "guide_step_id,poll_response,type,url"
    )
    rows = [
        [
            name,
            "g",
            "p",
            "",
            "",
            _at(plan.answered[name]),
            "",
            f"v{i}",
            "",
            "s",
            score,
            "ui:web:pollResponse",
            "",
        ]
        for i, (name, score) in enumerate(plan.scores.items())
    ]
    return table(header, rows)


def zendesk(plan: Company) -> str:
    header = names(
        "Id,Requester,Requester id,Requester external id,Requester email,Requester domain,Submitter,"
        "Assignee,Group,Subject,Tags,Status,Priority,Via,Ticket type,Created at,Updated at,"
        "Assigned at,Organization,Solved at,Satisfaction Score,Group stations,Assignee stations,"
        "Reopens,Replies,First reply time in minutes"
    )
    words = {"good": "Good", "bad": "Bad", "offered": "Offered", "unoffered": "Unoffered"}
    rows = [
        [
            t.number,
            "Ann",
            77,
            t.customer,
            "",
            "",
            "Ann",
            "Bob",
            "Tier 1",
            "made-up",
            "-",
            "Solved" if t.solved else "Open",
            "-",
            "Web",
            "Question",
            _at(t.created),
            _at(t.created),
            "-",
            "-",
            _at(t.solved) or "-",
            words[t.satisfaction],
            1,
            1,
            0,
            2,
            t.reply_minutes,
        ]
        for t in plan.tickets
    ]
    return table(header, rows)


def zendesk_api(plan: Company) -> str:
    header = names(
        "id,allow_channelback,assignee_id,brand_id,created_at,description,due_at,external_id,"
        "group_id,has_incidents,organization_id,priority,requester_id,status,subject,submitter_id,"
        "ticket_form_id,type,updated_at,via_channel"
    )
    rows = [
        [
            t.number,
            "FALSE",
            5,
            1,
            _at(t.created),
            "text",
            "",
            "",
            9,
            "FALSE",
            "",
            "",
            t.customer,
            "solved" if t.solved else "open",
            "made-up",
            5,
            3,
            "",
            _at(t.created),
            "web",
        ]
        for t in plan.tickets
    ]
    return table(header, rows)


def zendesk_ratings(plan: Company) -> str:
    header = names(
        "id,assignee_id,group_id,reason_id,requester_id,ticket_id,updated_at,created_at,url,score,"
        "reason,comment"
    )
    rows = [
        [
            9000 + t.number,
            5,
            9,
            "",
            t.customer,
            t.number,
            _at(t.solved or t.created),
            _at(t.created),
            "",
            t.satisfaction,
            "",
            "",
        ]
        for t in plan.tickets
    ]
    return table(header, rows)


def freshdesk(plan: Company) -> str:
    header = names(
        "Ticket ID,Subject,Status,Priority,Source,Type,Agent,Group,Created time,Due by Time,"
        "Resolved time,Closed time,Last updated time,Initial response time,Time tracked,"
        "First response time (in hrs),Resolution time (in hrs),Agent interactions,"
        "Customer interactions,Resolution status,First response status,Tags,Survey results,"
        "Association type,Contact ID"
    )
    rows = [
        [
            t.number,
            "made-up",
            "Resolved" if t.solved else "Open",
            "Low",
            "Email",
            "Question",
            "Bob",
            "Tier 1",
            _at(t.created),
            "",
            _at(t.solved),
            "",
            "",
            _at(t.created + timedelta(minutes=t.reply_minutes)),
            "",
            "",
            "",
            2,
            1,
            "",
            "",
            "",
            "",
            "",
            t.customer,
        ]
        for t in plan.tickets
    ]
    return table(header, rows)


def hubspot(plan: Company) -> str:
    header = names(
        "id,is_deleted,property_closed_date,property_createdate,property_first_agent_reply_date,"
        "property_hs_pipeline,property_hs_pipeline_stage,property_hs_ticket_category,"
        "property_hs_ticket_priority,property_hubspot_owner_id,property_subject,property_content,"
        "property_company_id"
    )
    rows = [
        [
            t.number,
            "FALSE",
            _at(t.solved),
            _at(t.created),
            _at(t.created + timedelta(minutes=t.reply_minutes)),
            1,
            1,
            "",
            "",
            3,
            "made-up",
            "",
            t.customer,
        ]
        for t in plan.tickets
    ]
    return table(header, rows)


def intercom(plan: Company) -> str:
    header = names(
        "id,updated_at,assignee_id,assignee_type,conversation_rating_created_at,"
        "conversation_rating_remark,conversation_rating_value,created_at,"
        "first_contact_reply_created_at,priority,read,snoozed_until,source_author_id,"
        "source_author_type,source_type,source_subject,source_body,state,waiting_since"
    )
    stars = {"good": 5, "bad": 1}
    rows = [
        [
            t.number,
            _at(t.created),
            4,
            "admin",
            _at(t.solved) if t.satisfaction in stars else "",
            "",
            stars.get(t.satisfaction, ""),
            _at(t.created),
            "",
            "",
            "",
            "",
            t.customer,
            "user",
            "conversation",
            "",
            "",
            "closed" if t.solved else "open",
            "",
        ]
        for t in plan.tickets
    ]
    return table(header, rows)


def salesforce_case(plan: Company) -> str:
    header = names(
        "Id,CaseNumber,Subject,AccountId,ContactId,OwnerId,Priority,Status,Type,CreatedDate,"
        "ClosedDate,Origin,IsClosed,IsEscalated"
    )
    rows = [
        [
            f"500{t.number}",
            t.number,
            "made-up",
            t.customer,
            "",
            "o",
            "Low",
            "Closed" if t.solved else "New",
            "Question",
            f"{_at(t.created, '%Y-%m-%dT%H:%M:%S')}.000Z",
            f"{_at(t.solved, '%Y-%m-%dT%H:%M:%S')}.000Z" if t.solved else "",
            "Web",
            bool(t.solved),
            False,
        ]
        for t in plan.tickets
    ]
    return table(header, rows)


def servicenow(plan: Company) -> str:
    header = names(
        "number,caller_id,opened_at,resolved_at,closed_at,sys_created_on,incident_state,contact_type,"
        "category,assignment_group,assigned_to,reopen_count,reassignment_count,made_sla,"
        "short_description"
    )
    rows = [
        [
            f"INC{t.number}",
            t.customer,
            _at(t.created),
            _at(t.solved),
            "",
            _at(t.created),
            6 if t.solved else 2,
            "phone",
            "software",
            "Desk",
            "Bob",
            0,
            1,
            "true",
            "made-up",
        ]
        for t in plan.tickets
    ]
    return table(header, rows)


def jira(plan: Company) -> str:
    header = names(
        "Summary,Issue key,Issue id,Issue Type,Status,Project key,Project name,Priority,Assignee,"
        "Reporter,Created,Updated,Resolved,Labels,Labels"
    )
    rows = [
        [
            "made-up",
            f"SUP-{t.number}",
            t.number,
            "Support",
            "Done" if t.solved else "To Do",
            "SUP",
            "Support",
            "Low",
            "Bob",
            t.customer,
            _at(t.created, "%d/%b/%y %I:%M %p"),
            "",
            _at(t.solved, "%d/%b/%y %I:%M %p"),
            "",
            "",
        ]
        for t in plan.tickets
    ]
    return table(header, rows)


def stripe_customers(plan: Company) -> str:
    header = names(
        "id,Description,Email,Name,Created (UTC),Delinquent,Plan,Total Spend,Payment Count,"
        "Refunded Volume,Dispute Losses"
    )
    rows = [
        [name, "", "", "", _at(start, "%Y-%m-%d %H:%M"), "false", ["basic", "pro"][i % 2], 0, 0, 0, 0]
        for i, (name, start) in enumerate(plan.customers.items())
    ]
    return table(header, rows)


def stripe_subscriptions(plan: Company) -> str:
    header = names(
        "id,Customer ID,Customer Name,Plan,Quantity,Currency,Interval,Amount,Status,Created (UTC),"
        "Start (UTC),Current Period Start (UTC),Current Period End (UTC),Trial Start (UTC),"
        "Trial End (UTC),Canceled At (UTC),Ended At (UTC),Cancellation Reason"
    )
    rows = [
        [
            f"sub_{i}",
            s.customer,
            "",
            "basic",
            1,
            "usd",
            s.interval,
            s.amount,
            "canceled" if s.end else "active",
            _at(s.start),
            _at(s.start),
            _at(s.start),
            "",
            "",
            "",
            _at(s.end),
            _at(s.end),
            "",
        ]
        for i, s in enumerate(plan.subscriptions)
    ]
    return table(header, rows)


def chargebee(plan: Company) -> str:
    header = names(
        "id,customer_id,currency_code,plan_id,plan_quantity,plan_unit_price,plan_amount,"
        "billing_period,mrr,billing_period_unit,status,trial_start,trial_end,current_term_start,"
        "current_term_end,next_billing_at,created_at,started_at,activated_at,cancelled_at,"
        "auto_collection,deleted"
    )
    rows = [
        [
            f"s{i}",
            s.customer,
            "USD",
            "basic",
            1,
            int(s.amount * 100),
            int(s.amount * 100),
            1,
            0,
            s.interval,
            "cancelled" if s.end else "active",
            "",
            "",
            _epoch(s.start),
            "",
            "",
            _epoch(s.start),
            _epoch(s.start),
            _epoch(s.start),
            _epoch(s.end),
            "on",
            "false",
        ]
        for i, s in enumerate(plan.subscriptions)
    ]
    return table(header, rows)


def chartmogul(plan: Company) -> str:
    header = names(
        "description,activity-mrr-movement,activity-mrr,activity-arr,date,type,currency,"
        "subscription-external-id,customer-name,customer-uuid,customer-external-id,uuid"
    )
    rows = []
    for i, s in enumerate(plan.subscriptions):
        cents = round(s.amount * 100 / {"month": 1, "year": 12}[s.interval])
        rows.append(
            [
                "",
                cents,
                cents,
                12 * cents,
                s.start.isoformat() + "Z",
                "new_biz",
                "USD",
                f"s{i}",
                "",
                f"u{i}",
                s.customer,
                f"a{i}",
            ]
        )
        if s.end:
            rows.append(
                [
                    "",
                    -cents,
                    0,
                    0,
                    s.end.isoformat() + "Z",
                    "churn",
                    "USD",
                    f"s{i}",
                    "",
                    f"u{i}",
                    s.customer,
                    f"b{i}",
                ]
            )
    return table(header, rows)


def recurly(plan: Company) -> str:
    header = names(
        "id,created_at,updated_at,activated_at,canceled_at,expires_at,account_id,plan_id,object,uuid,"
        "state,current_period_started_at,current_period_ends_at,current_term_started_at,"
        "current_term_ends_at,trial_started_at,trial_ends_at,currency,unit_amount,quantity,"
        "add_ons_total,subtotal,collection_method,expiration_reason"
    )
    monthly = {"month": 1, "year": 12}
    rows = [
        [
            f"r{i}",
            _at(s.start),
            _at(s.start),
            _at(s.start),
            _at(s.end),
            _at(s.end),
            s.customer,
            "p",
            "subscription",
            f"x{i}",
            "expired" if s.end else "active",
            _at(s.start),
            "",
            "",
            "",
            "",
            "",
            "USD",
            s.amount / monthly[s.interval],
            1,
            0,
            0,
            "automatic",
            "",
        ]
        for i, s in enumerate(plan.subscriptions)
    ]
    return table(header, rows)


def amplitude(plan: Company) -> str:
    header = names(
        "amplitude_id,client_event_time,event_time,event_type,event_properties,server_upload_time,"
        "session_id,user_id,user_properties,uuid,device_id"
    )
    rows = [
        [i, _at(t.created), _at(t.created), "open", "{}", _at(t.created), 1, t.customer, "{}", f"e{i}", "d"]
        for i, t in enumerate(plan.tickets)
    ]
    return table(header, rows)


def mixpanel(plan: Company) -> str:
    header = names(
        "event_id,name,time,distinct_id,properties,insert_id,mp_processing_time_ms,mp_country_code,mp_lib"
    )
    rows = [
        [i, "open", _at(t.created), t.customer, "{}", f"i{i}", 1, "US", "web"]
        for i, t in enumerate(plan.tickets)
    ]
    return table(header, rows)


def segment(plan: Company) -> str:
    header = ["id", "anonymous_id", "user_id", "received_at", "sent_at", "timestamp", "event", "context_ip"]
    rows = [
        [f"m{i}", "a", t.customer, _at(t.created), _at(t.created), _at(t.created), "open", ""]
        for i, t in enumerate(plan.tickets)
    ]
    return table(header, rows)


Writer = Callable[[Company], str]
Fixture = tuple[str, Writer, str, tuple[tuple[str, str], ...], tuple[str, ...]]
#: File, writer, what the vendor is called, decisions that a TODO asks for, and figures to check.
FIXTURES: dict[str, Fixture] = {
    "qualtrics": ("survey.csv", qualtrics, "Qualtrics, responses, a column a question", (), ("nps",)),
    "qualtrics_legacy": (
        "survey.csv",
        qualtrics_legacy,
        "Qualtrics, responses, two header rows (before 2017)",
        (),
        ("nps",),
    ),
    "surveymonkey": ("answers.csv", surveymonkey, "SurveyMonkey, responses, two header rows", (), ("nps",)),
    "typeform": ("answers.csv", typeform, "Typeform, responses", (), ("nps",)),
    "google_forms": ("answers.csv", google_forms, "Google Forms, responses", (), ("nps",)),
    "microsoft_forms": ("answers.csv", microsoft_forms, "Microsoft Forms, responses", (), ("nps",)),
    "delighted": ("answers.csv", delighted, "Delighted, survey responses of the API", (), ("nps",)),
    "pendo": ("pendo_nps.csv", pendo, "Pendo, poll responses", (), ("nps",)),
    "zendesk": (
        "tickets.csv",
        zendesk,
        "Zendesk, tickets, CSV export",
        (),
        ("tickets", "median first reply (minutes)", "csat"),
    ),
    "zendesk_api": (
        "tickets.csv",
        zendesk_api,
        "Zendesk, tickets of the API or a warehouse",
        (),
        ("tickets",),
    ),
    "zendesk_ratings": (
        "ratings.csv",
        zendesk_ratings,
        "Zendesk, satisfaction ratings of the API",
        (),
        ("csat",),
    ),
    "freshdesk": (
        "tickets.csv",
        freshdesk,
        "Freshdesk, tickets, CSV export",
        (),
        ("tickets", "median first reply (minutes)"),
    ),
    "hubspot": (
        "ticket.csv",
        hubspot,
        "HubSpot, tickets of the API or a warehouse",
        (),
        ("tickets", "median first reply (minutes)"),
    ),
    "intercom": (
        "conversation.csv",
        intercom,
        "Intercom, conversations of a warehouse",
        (),
        ("tickets", "csat"),
    ),
    "salesforce_case": ("cases.csv", salesforce_case, "Salesforce, Case", (), ("tickets",)),
    "servicenow": ("incident.csv", servicenow, "ServiceNow, incidents", (), ("tickets",)),
    "jira": ("issues.csv", jira, "Jira Service Management, issues, CSV export", (), ("tickets",)),
    "stripe": (
        "subscriptions.csv",
        stripe_subscriptions,
        "Stripe, subscriptions, dashboard export",
        (),
        ("mrr",),
    ),
    "chargebee": ("subscriptions.csv", chargebee, "Chargebee, subscriptions of the API", (), ("mrr",)),
    "chartmogul": ("activities.csv", chartmogul, "ChartMogul, MRR movements (activities)", (), ("mrr",)),
    "recurly": (
        "subscriptions.csv",
        recurly,
        "Recurly, subscriptions of a warehouse",
        (("# mrr = ", "mrr = "),),
        ("mrr",),
    ),
    "amplitude": ("events.csv", amplitude, "Amplitude, events", (), ("usage",)),
    "mixpanel": ("events.csv", mixpanel, "Mixpanel, events", (), ("usage",)),
    "segment": ("tracks.csv", segment, "Segment, events", (), ("usage",)),
}
