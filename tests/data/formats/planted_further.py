"""The planted company in the layouts of further vendors, each with what is to be checked."""

from __future__ import annotations

from datetime import timedelta

from tests.data.formats.planted import FIXTURES, Company, Fixture, _at, _comment, _epoch, names, table


def medallia(plan: Company) -> str:
    header = names(
        "request_id,request_sent_at,request_delivery_status,response_received_at,star_rating,comments,"
        "reward_name,areas_for_improvement,additional_question_response,ext_interaction_id,external_url,"
        "channel,tags,brand,customer_name,request_sent_to,employee_first_name,employee_last_name,"
        "employee_email,employee_custom_id,employee_status,employee_employment_status"
    )
    stars = {"good": 5, "bad": 1, "offered": ""}
    rows = []
    for i, t in enumerate(t for t in plan.tickets if t.satisfaction in stars):
        sent = t.solved or t.created
        answered = "" if t.satisfaction == "offered" else _at(sent + timedelta(hours=2))
        told = [stars[t.satisfaction], "", "", "", "", f"{t.number}", "", "phone", "", "", "", t.customer]
        rows.append([f"q{i}", _at(sent), "Sent", answered, *told, "Bo", "B", "", "e1", "Active", "full time"])
    return table(header, rows)


def hubspot_tickets(plan: Company) -> str:
    header = names(
        "Ticket ID,Ticket name,Pipeline,Ticket status,Create date,Close date,Priority,Ticket owner,Source,"
        "Category,Time to close (HH:mm:ss),Time to first agent email reply (HH:mm:ss),"
        "Associated Company IDs,Associated Company"
    )
    rows = []
    for t in plan.tickets:
        reply = f"{t.reply_minutes // 60:02d}:{t.reply_minutes % 60:02d}:00"
        state = "Closed" if t.solved else "New"
        times = [_at(t.created, "%Y-%m-%d %H:%M"), _at(t.solved, "%Y-%m-%d %H:%M")]
        head = [t.number, "made-up", "Support", state, *times, "Low", "Bob", "Email"]
        rows.append([*head, "", "", reply, t.customer, ""])
    return table(header, rows)


def hubspot_companies(plan: Company) -> str:
    header = names(
        "Record ID,Company name,Company owner,Create Date,Phone Number,Last Activity Date,City,"
        "Country/Region,Industry"
    )
    rows = [
        [name, f"Made-up {i}", "Bob", _at(start, "%Y-%m-%d %H:%M"), "", "", "", ["DE", "US"][i % 2], "Retail"]
        for i, (name, start) in enumerate(plan.customers.items())
    ]
    return table(header, rows)


def hubspot_feedback(plan: Company) -> str:
    header = names(
        "id,hs_content,hs_ingestion_id,hs_response_group,hs_sentiment,hs_submission_name,hs_survey_channel,"
        "hs_survey_id,hs_survey_name,hs_survey_type,hs_value,hs_submission_timestamp,hs_contact_id"
    )
    rows = []
    for i, (name, score) in enumerate(plan.scores.items()):
        group = "PROMOTER" if score >= 9 else "DETRACTOR" if score <= 6 else "PASSIVE"
        told = [_comment(i), f"g{i}", group, "", "made-up", "EMAIL", 5, "Loyalty", "NPS", score]
        rows.append([i, *told, _at(plan.answered[name], "%Y-%m-%dT%H:%M:%SZ"), name])
    return table(header, rows)


def salesforce_cases(plan: Company) -> str:
    header = names(
        "Case Number,Account Name,Contact Name,Subject,Status,Priority,Case Origin,Case Owner,"
        "Date/Time Opened,Date/Time Closed,Age (Hours),Open,Closed"
    )
    rows = [
        [
            *[f"0000{t.number}", t.customer, "Ann", "made-up", "Closed" if t.solved else "New"],
            *["Low", "Web", "Bob"],
            *[_at(t.created, "%m/%d/%Y %I:%M %p"), _at(t.solved, "%m/%d/%Y %I:%M %p")],
            *["", int(not t.solved), int(bool(t.solved))],
        ]
        for t in plan.tickets
    ]
    return table(header, rows)


def salesforce_opportunities(plan: Company) -> str:
    header = names(
        "Opportunity Owner,Account Name,Opportunity Name,Stage,Fiscal Period,Amount,Probability (%),Age,"
        "Close Date,Created Date,Next Step,Lead Source,Type"
    )
    rows: list[list[object]] = []
    for i, s in enumerate(plan.subscriptions):
        day = _at(s.start, "%Y-%m-%d")
        # Every third deal was lost, and is no order.
        for stage, amount in (("Closed Won", s.amount), *[("Closed Lost", 9999.0)] * (i % 3 == 0)):
            rows.append(
                ["Bob", s.customer, f"deal {i}", stage, "Q1-2024", amount, 100, 3, day, day, "", "Web", "New"]
            )
    return table(header, rows)


def baremetrics(plan: Company) -> str:
    header = names(
        "plan_oid,plan_name,plan_currency,plan_amount,plan_interval,plan_interval_count,customer_oid,"
        "customer_name,customer_email,subscription_oid,subscription_started_at,subscription_canceled_at,"
        "subscription_quantity"
    )
    rows = [
        [
            *["basic", "Basic", "USD", int(s.amount * 100), s.interval, 1, s.customer, "", "", f"s{i}"],
            *[_at(s.start, "%Y-%m-%d"), _at(s.end, "%Y-%m-%d"), 1],
        ]
        for i, s in enumerate(plan.subscriptions)
    ]
    return table(header, rows)


def profitwell_customers(plan: Company) -> str:
    header = names(
        "customer_id,email,first_name,last_name,mrr_cents,plans,status,created_on,activated_on,churned_on,"
        "updated_on,total_spend_cents"
    )
    rows: list[list[object]] = []
    for i, s in enumerate(plan.subscriptions):
        status = ["churned_voluntary", "churned_delinquent"][i % 4 // 2] if s.end else "active"
        times = [_at(s.start), _at(s.start), _at(s.end), ""]
        rows.append([s.customer, "", "", "", int(s.amount * 100), "Basic", status, *times, 0])
    # A trial that never paid is no customer who left.
    days = ["2024-02-01 00:00:00", "", "2024-02-15 00:00:00"]
    rows.append(["trial_1", *[""] * 3, 0, "", "churned_trial", *days, "", 0])
    return table(header, rows)


def profitwell_updates(plan: Company) -> str:
    header = names(
        "user_id,user_alias,subscription_id,subscription_alias,email,plan_id,plan_interval,plan_currency,"
        "status,value,effective_date"
    )
    rows = []
    for i, s in enumerate(plan.subscriptions):
        head = [f"pwu_{i}", s.customer, f"pws_{i}", f"s{i}", "", "basic", s.interval, "usd"]
        rows.append([*head, "active", int(s.amount * 100), _epoch(s.start)])
        if s.end:
            rows.append([*head, "churned_voluntary", int(s.amount * 100), _epoch(s.end)])
    return table(header, rows)


def paddle_transactions(plan: Company) -> str:
    header = names(
        "id,status,customer_id,address_id,business_id,currency_code,origin,subscription_id,invoice_id,"
        "invoice_number,collection_mode,discount_id,billed_at,created_at,updated_at,"
        "details.totals.grand_total"
    )
    rows: list[list[object]] = []
    for i, s in enumerate(plan.subscriptions):
        when = _at(s.start, "%Y-%m-%dT%H:%M:%SZ")
        # A draft beside every third payment was never paid.
        for status, cents in (("completed", int(s.amount * 100)), *[("draft", 77)] * (i % 3 == 0)):
            head = [f"txn_{i}_{status}", status, s.customer, "add_1", "", "USD", "web", f"sub_{i}", "", ""]
            rows.append([*head, "automatic", "", when, when, when, cents])
    return table(header, rows)


def paddle_customers(plan: Company) -> str:
    header = names(
        "id,name,email,marketing_consent,status,custom_data,locale,created_at,updated_at,import_meta"
    )
    rows = [
        [name, "", "", "false", "active", "", "en", _at(start, "%Y-%m-%dT%H:%M:%SZ"), "", ""]
        for name, start in plan.customers.items()
    ]
    return table(header, rows)


def recurly_csv(plan: Company) -> str:
    header = names(
        "uuid,account_code,email,first_name,last_name,plan_code,plan_name,state,currency,unit_amount,"
        "quantity,activated_at,canceled_at,expires_at,created_at,modified_at,trial_started_at,"
        "trial_ends_at,current_period_started_at,current_period_ends_at,pricing_model"
    )
    months = {"month": 1, "year": 12}
    rows = []
    for i, s in enumerate(plan.subscriptions):
        state = "expired" if s.end else "active"
        times = [_at(s.start), _at(s.end), _at(s.end), _at(s.start), _at(s.start), "", "", _at(s.start), ""]
        head = [f"u{i}", s.customer, "", "", "", "basic", "Basic", state, "USD"]
        rows.append([*head, s.amount / months[s.interval], 1, *times, "fixed"])
    return table(header, rows)


_ASKED_MRR = (("# mrr = ", "mrr = "),)
#: As ``FIXTURES``: file, writer, what the vendor is called, decisions, figures to check.
FURTHER: dict[str, Fixture] = {
    "medallia": ("feedback.csv", medallia, "Medallia, Agent Connect, feedback export", (), ("csat", "asked")),
    "hubspot_tickets": (
        "tickets.csv",
        hubspot_tickets,
        "HubSpot, tickets, CSV export",
        (),
        ("tickets", "median first reply (minutes)"),
    ),
    "hubspot_companies": (
        "companies.csv",
        hubspot_companies,
        "HubSpot, companies, CSV export",
        (),
        ("customers",),
    ),
    "hubspot_feedback": (
        "feedback.csv",
        hubspot_feedback,
        "HubSpot, feedback submissions of the API",
        (),
        ("nps",),
    ),
    "salesforce_cases": (
        "report.csv",
        salesforce_cases,
        "Salesforce, cases, CSV of a report",
        (),
        ("tickets",),
    ),
    "salesforce_opportunities": (
        "report.csv",
        salesforce_opportunities,
        "Salesforce, opportunities, CSV of a report",
        (),
        ("orders",),
    ),
    "recurly_csv": (
        "subscriptions.csv",
        recurly_csv,
        "Recurly, subscriptions, CSV export",
        _ASKED_MRR,
        ("mrr",),
    ),
    "paddle_transactions": (
        "transactions.csv",
        paddle_transactions,
        "Paddle, transactions of the API",
        (),
        ("orders",),
    ),
    "paddle_customers": ("paddle.csv", paddle_customers, "Paddle, customers of the API", (), ("customers",)),
    "baremetrics": (
        "subscriptions.csv",
        baremetrics,
        "Baremetrics, subscriptions, file template",
        (),
        ("mrr",),
    ),
    "profitwell_updates": (
        "updates.csv",
        profitwell_updates,
        "ProfitWell, updates of subscriptions of the API",
        (),
        ("mrr",),
    ),
    "profitwell_customers": (
        "profitwell.csv",
        profitwell_customers,
        "ProfitWell, customers of the API",
        (),
        ("customers", "ended"),
    ),
}
#: Exports that are the list of customers themselves: no other stands beside them.
CUSTOMERS = ("hubspot_companies", "paddle_customers", "profitwell_customers")
EVERY: dict[str, Fixture] = {**FIXTURES, **FURTHER}
