"""The chat app one gets from Streamlit's tutorial: what the page is measured beside."""

import openai
import streamlit as st

st.title("Chat")

client = openai.OpenAI()

if "messages" not in st.session_state:
    st.session_state["messages"] = []

for said in st.session_state["messages"]:
    with st.chat_message(said["role"]):
        st.markdown(said["content"])

if prompt := st.chat_input("What is up?"):
    st.session_state["messages"].append({"role": "user", "content": prompt})
    with st.chat_message("user"):
        st.markdown(prompt)
    with st.chat_message("assistant"):
        reply = st.write_stream(
            client.chat.completions.create(
                model="bench", messages=list(st.session_state["messages"]), stream=True
            )
        )
    st.session_state["messages"].append({"role": "assistant", "content": reply})
